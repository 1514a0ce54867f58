/* cbreplay._scanner: the ordinary records of an event file, read without a Python object for each.
 *
 * A record is taken as a whole or not at all. Not taken is whatever is damaged, not complete, too large or not
 * ordinary (wire.h): the Python reader decides about it, and the scanner goes on behind. */
#include "collector.h"
#include "crc32c.h"
#include "wire.h"

typedef enum { FAILED = -1, LEFT = 0, TAKEN = 1 } Outcome;

static PyObject *text_image, *text_histo, *text_scalars;
static Crc32c best_crc32c;

/* ------------------------------------------------------------------------------------------------ scanning */

static Outcome note_plugin_of(Name *name, Cursor plugin, Staged *staged) {
    if (plugin.left == 0 || name->plugin != NULL) {
        return TAKEN;
    }
    name->plugin = PyUnicode_DecodeASCII((const char *)plugin.data, (Py_ssize_t)plugin.left, NULL);
    staged->named_plugin = name->plugin != NULL;
    return name->plugin != NULL ? TAKEN : FAILED;
}

/* What becomes of a value: the same decisions as add_event in logs/scalars.py, for ordinary values. */
static Outcome decide(const Name *name, const WireValue *value, Staged *staged) {
    staged->number = value->number;
    staged->encoding = value->encoding;
    if (value->kind == WIRE_SIMPLE) {
        return TAKEN;
    }
    if (value->kind == WIRE_TENSOR) {
        if (name->plugin == NULL || PyUnicode_Compare(name->plugin, text_scalars) == 0) {
            return value->is_scalar ? TAKEN : LEFT;
        }
        staged->kind = name->plugin;
        return TAKEN;
    }
    staged->kind = name->plugin ? name->plugin : value->kind == WIRE_IMAGE ? text_image : text_histo;
    return TAKEN;
}

static Outcome stage_value(Collector *self, const WireValue *value) {
    const Py_ssize_t place = collector_name(self, value->tag);
    if (place < 0) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
            return FAILED;
        }
        PyErr_Clear();
        return LEFT;
    }
    Staged *staged = collector_stage(self);
    if (staged == NULL) {
        return FAILED;
    }
    staged->name = place;
    Name *name = &self->names[place];
    const Outcome noted = note_plugin_of(name, value->plugin, staged);
    return noted == TAKEN ? decide(name, value, staged) : noted;
}

/* The same decisions as in logs/histograms.py, for ordinary values. */
static Outcome stage_histogram(Collector *self, const WireValue *value, Cursor suffix) {
    Cursor tag = value->tag, front;
    const Outcome passed = cursor_is_ascii(tag) ? TAKEN : LEFT; /* protobuf refuses an event with a bad tag */
    if (value->kind != WIRE_TENSOR || !value->is_double || tag.left < suffix.left) {
        return passed;
    }
    if (!cursor_take(&tag, tag.left - suffix.left, &front) || !cursor_same(tag, suffix)) {
        return passed;
    }
    if (value->rows == 0) {
        return LEFT;
    }
    const Outcome outcome = stage_value(self, value);
    if (outcome == TAKEN) {
        Staged *staged = &self->staged[self->staged_count - 1];
        staged->kind = NULL;
        staged->buckets = value->buckets;
        staged->number = (double)value->rows;
        staged->encoding = 0;
    }
    return outcome;
}

/* With a suffix, only the histograms whose tags end in it. */
static Outcome stage_summary(Collector *self, Cursor *summary, const Cursor *suffix) {
    Outcome outcome = TAKEN;
    WireValue value;
    while (summary->left && outcome == TAKEN) {
        if (!wire_value(summary, &value)) {
            outcome = LEFT;
        } else {
            outcome = suffix ? stage_histogram(self, &value, *suffix) : stage_value(self, &value);
        }
    }
    return outcome;
}

/* Undo the one thing that staging does to the names. */
static void forget_staged(Collector *self) {
    for (Py_ssize_t item = 0; item < self->staged_count; item++) {
        if (self->staged[item].named_plugin) {
            Py_CLEAR(self->names[self->staged[item].name].plugin);
        }
    }
}

static bool take_staged(Collector *self, const WireEvent *event) {
    if (!collector_reserve(self, self->staged_count)) {
        return false;
    }
    for (Py_ssize_t item = 0; item < self->staged_count; item++) {
        const Staged *staged = &self->staged[item];
        const bool is_taken =
            staged->kind ? collector_count_other(self, staged->name, staged->kind)
                         : collector_append(self, staged->name, event->step, event->wall_time, staged->number,
                                            staged->encoding);
        if (!is_taken || (staged->buckets.left && !collector_append_buckets(self, staged->buckets))) {
            return false;
        }
    }
    collector_note_event(self, event->wall_time);
    return true;
}

static Outcome scan_payload(Collector *self, Cursor *payload, const Cursor *suffix) {
    WireEvent event;
    if (!wire_event(payload, &event)) {
        return LEFT;
    }
    self->staged_count = 0;
    const Outcome outcome = stage_summary(self, &event.summary, suffix);
    if (outcome != TAKEN) {
        forget_staged(self);
        return outcome;
    }
    return take_staged(self, &event) ? TAKEN : FAILED;
}

/* One record off the front; where it is not taken, `from` is as it was. */
static Outcome scan_record(Collector *self, Cursor *from, size_t largest, const Cursor *suffix) {
    Cursor rest = *from, head, payload;
    uint64_t length;
    uint32_t stored;
    if (!cursor_take(&rest, 8, &head) || !cursor_fixed32(&rest, &stored)) {
        return LEFT;
    }
    if (crc32c_masked(best_crc32c(head.data, head.left)) != stored || !cursor_fixed64(&head, &length)) {
        return LEFT;
    }
    if (length > largest || !cursor_take(&rest, length, &payload) || !cursor_fixed32(&rest, &stored)) {
        return LEFT;
    }
    if (crc32c_masked(best_crc32c(payload.data, payload.left)) != stored) {
        return LEFT;
    }
    const Outcome outcome = scan_payload(self, &payload, suffix);
    if (outcome == TAKEN) {
        *from = rest;
    }
    return outcome;
}

static PyObject *scan_buffer(Collector *self, Py_buffer *buffer, Py_ssize_t at, Py_ssize_t largest,
                             const Cursor *suffix) {
    Cursor from = {buffer->buf, (size_t)buffer->len}, passed;
    Py_ssize_t records = 0;
    Outcome outcome = LEFT;
    if (at < 0 || largest < 0 || !cursor_take(&from, (uint64_t)at, &passed)) {
        PyErr_SetString(PyExc_ValueError, "the place to scan from lies outside the buffer");
        return NULL;
    }
    while ((outcome = scan_record(self, &from, (size_t)largest, suffix)) == TAKEN) {
        records++;
    }
    return outcome == FAILED ? NULL : Py_BuildValue("nn", buffer->len - (Py_ssize_t)from.left, records);
}

static PyObject *collector_scan(Collector *self, PyObject *arguments) {
    Py_buffer buffer;
    Py_ssize_t at, largest;
    if (!PyArg_ParseTuple(arguments, "y*nn:scan", &buffer, &at, &largest)) {
        return NULL;
    }
    PyObject *result = scan_buffer(self, &buffer, at, largest, NULL);
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *collector_scan_histograms(Collector *self, PyObject *arguments) {
    Py_buffer buffer;
    Py_ssize_t at, largest, size;
    const char *suffix;
    if (!PyArg_ParseTuple(arguments, "y*nns#:scan_histograms", &buffer, &at, &largest, &suffix, &size)) {
        return NULL;
    }
    PyObject *result = scan_buffer(self, &buffer, at, largest, &(Cursor){(const uint8_t *)suffix, (size_t)size});
    PyBuffer_Release(&buffer);
    return result;
}

/* ------------------------------------------------------------- the same methods as PythonCollector's */

static Py_ssize_t name_of_text(Collector *self, PyObject *text) {
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    return bytes == NULL ? -1 : collector_name(self, (Cursor){(const uint8_t *)bytes, (size_t)size});
}

static PyObject *method_note_event(Collector *self, PyObject *argument) {
    const double wall_time = PyFloat_AsDouble(argument);
    if (wall_time == -1 && PyErr_Occurred()) {
        return NULL;
    }
    collector_note_event(self, wall_time);
    Py_RETURN_NONE;
}

static PyObject *method_restart(Collector *self, PyObject *argument) {
    const long long step = PyLong_AsLongLong(argument);
    if (step == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *item = Py_BuildValue("nL", self->points, step);
    const bool is_noted = item != NULL && PyList_Append(self->restarts, item) == 0;
    Py_XDECREF(item);
    if (!is_noted) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_note_plugin(Collector *self, PyObject *arguments) {
    PyObject *tag, *plugin;
    if (!PyArg_ParseTuple(arguments, "UU:note_plugin", &tag, &plugin)) {
        return NULL;
    }
    const Py_ssize_t place = name_of_text(self, tag);
    if (place < 0) {
        return NULL;
    }
    Name *name = &self->names[place];
    if (name->plugin == NULL && PyUnicode_GET_LENGTH(plugin) > 0) {
        name->plugin = PyUnicode_FromObject(plugin);
        if (name->plugin == NULL) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *method_plugin_of(Collector *self, PyObject *tag) {
    const Py_ssize_t place = name_of_text(self, tag);
    if (place < 0) {
        return NULL;
    }
    PyObject *plugin = self->names[place].plugin ? self->names[place].plugin : Py_None;
    Py_INCREF(plugin);
    return plugin;
}

static PyObject *method_append_point(Collector *self, PyObject *arguments) {
    PyObject *tag;
    long long step;
    double wall_time, value;
    unsigned char encoding;
    if (!PyArg_ParseTuple(arguments, "ULddb:append_point", &tag, &step, &wall_time, &value, &encoding)) {
        return NULL;
    }
    const Py_ssize_t place = name_of_text(self, tag);
    if (place < 0 || !collector_reserve(self, 1)) {
        return NULL;
    }
    if (!collector_append(self, place, step, wall_time, value, encoding)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_count_other(Collector *self, PyObject *arguments) {
    PyObject *tag, *kind;
    if (!PyArg_ParseTuple(arguments, "UU:count_other", &tag, &kind)) {
        return NULL;
    }
    const Py_ssize_t place = name_of_text(self, tag);
    PyObject *exact = place < 0 ? NULL : PyUnicode_FromObject(kind);
    const bool is_counted = exact != NULL && collector_count_other(self, place, exact);
    Py_XDECREF(exact);
    if (!is_counted) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_append_histogram(Collector *self, PyObject *arguments) {
    PyObject *tag;
    long long step;
    double wall_time;
    Py_buffer buckets;
    if (!PyArg_ParseTuple(arguments, "ULdy*:append_histogram", &tag, &step, &wall_time, &buckets)) {
        return NULL;
    }
    const double rows = (double)(buckets.len / (Py_ssize_t)(3 * sizeof(double)));
    const Py_ssize_t place = name_of_text(self, tag);
    const bool is_added = place >= 0 && collector_reserve(self, 1) &&
                          collector_append(self, place, step, wall_time, rows, 0) &&
                          collector_append_buckets(self, (Cursor){buckets.buf, (size_t)buckets.len});
    PyBuffer_Release(&buckets);
    if (!is_added) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *method_take_buckets(Collector *self, PyObject *Py_UNUSED(ignored)) {
    return collector_take_buckets(self);
}

static PyObject *method_take_columns(Collector *self, PyObject *Py_UNUSED(ignored)) {
    return collector_take_columns(self);
}

static PyObject *get_tags(Collector *self, void *Py_UNUSED(closure)) { return PyList_AsTuple(self->tags); }

static PyObject *get_restarts(Collector *self, void *Py_UNUSED(closure)) { return PyList_AsTuple(self->restarts); }

static bool put_other(PyObject *others, const Name *name) {
    PyObject *told = Py_BuildValue("On", name->kind, name->others);
    const bool is_put = told != NULL && PyDict_SetItem(others, name->tag, told) == 0;
    Py_XDECREF(told);
    return is_put;
}

static PyObject *get_others(Collector *self, void *Py_UNUSED(closure)) {
    PyObject *others = PyDict_New();
    for (Py_ssize_t item = 0; others != NULL && item < PyList_GET_SIZE(self->other_tags); item++) {
        const Py_ssize_t place = PyLong_AsSsize_t(PyList_GET_ITEM(self->other_tags, item));
        if (!put_other(others, &self->names[place])) {
            Py_CLEAR(others);
        }
    }
    return others;
}

static PyObject *wall_time_or_none(const Collector *self, double wall_time) {
    if (!self->has_event) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(wall_time);
}

static PyObject *get_first_wall_time(Collector *self, void *Py_UNUSED(closure)) {
    return wall_time_or_none(self, self->first_wall_time);
}

static PyObject *get_last_wall_time(Collector *self, void *Py_UNUSED(closure)) {
    return wall_time_or_none(self, self->last_wall_time);
}

/* ----------------------------------------------------------------------------------- the type and the module */

static PyObject *collector_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"", NULL};
    Py_ssize_t points = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|n:Collector", names, &points)) {
        return NULL;
    }
    if (points < 0) {
        PyErr_SetString(PyExc_ValueError, "the number of points to make room for is negative");
        return NULL;
    }
    PyObject *self = type->tp_alloc(type, 0); /* zeroed */
    if (self != NULL && !collector_open((Collector *)self, points)) {
        Py_CLEAR(self);
    }
    return self;
}

static void collector_dealloc(PyObject *self) {
    collector_close((Collector *)self);
    Py_TYPE(self)->tp_free(self);
}

#define METHOD(name, function, how, text) {name, (PyCFunction)(void (*)(void))(function), how, text}

static PyMethodDef collector_methods[] = {
    METHOD("scan", collector_scan, METH_VARARGS,
           "scan(buffer, at, largest)\n--\n\nTake ordinary records from index `at` on: (index behind them, their number)."),
    METHOD("scan_histograms", collector_scan_histograms, METH_VARARGS,
           "scan_histograms(buffer, at, largest, suffix)\n--\n\nThe same, of nothing but histograms whose tags end so."),
    METHOD("append_histogram", method_append_histogram, METH_VARARGS,
           "append_histogram(tag, step, wall_time, buckets)\n--\n\nAppend rows of 3 doubles as a point, their number "
           "being its value."),
    METHOD("take_buckets", method_take_buckets, METH_NOARGS,
           "take_buckets()\n--\n\nThe rows of all histograms, which are none afterwards."),
    METHOD("note_event", method_note_event, METH_O, "note_event(wall_time)\n--\n\nNote that an event was read."),
    METHOD("restart", method_restart, METH_O, "restart(step)\n--\n\nNote a SessionLog.START."),
    METHOD("note_plugin", method_note_plugin, METH_VARARGS,
           "note_plugin(tag, plugin)\n--\n\nNote the plugin of a tag, unless it has one."),
    METHOD("plugin_of", method_plugin_of, METH_O, "plugin_of(tag)\n--\n\nThe plugin of a tag, or None."),
    METHOD("append_point", method_append_point, METH_VARARGS,
           "append_point(tag, step, wall_time, value, encoding)\n--\n\nAppend one scalar point."),
    METHOD("count_other", method_count_other, METH_VARARGS,
           "count_other(tag, kind)\n--\n\nCount a value that is no scalar."),
    METHOD("take_columns", method_take_columns, METH_NOARGS,
           "take_columns()\n--\n\nThe columns, which are empty afterwards."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef collector_attributes[] = {
    {"tags", (getter)(void (*)(void))get_tags, NULL, "The tags that have points, by their ids.", NULL},
    {"others", (getter)(void (*)(void))get_others, NULL, "tag -> (plugin or kind, number of values).", NULL},
    {"restarts", (getter)(void (*)(void))get_restarts, NULL, "(points before it, step) of each.", NULL},
    {"first_wall_time", (getter)(void (*)(void))get_first_wall_time, NULL, "Of the first event, or None.", NULL},
    {"last_wall_time", (getter)(void (*)(void))get_last_wall_time, NULL, "Of the last event, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject collector_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "cbreplay._scanner.Collector",
    .tp_basicsize = sizeof(Collector),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Collector(points=0, /)\n--\n\nCollects the points of one event file, for so many of which room is made "
              "beforehand, and takes ordinary records by itself.",
    .tp_new = collector_new,
    .tp_dealloc = collector_dealloc,
    .tp_methods = collector_methods,
    .tp_getset = collector_attributes,
};

static PyObject *module_crc32c(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer buffer;
    const char *name;
    if (!PyArg_ParseTuple(arguments, "y*s:crc32c", &buffer, &name)) {
        return NULL;
    }
    PyObject *result = NULL;
    for (const Crc32cKind *kind = crc32c_kinds(); kind->name && result == NULL; kind++) {
        if (strcmp(kind->name, name) == 0) {
            result = PyLong_FromUnsignedLong(kind->run(buffer.buf, (size_t)buffer.len));
        }
    }
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "no way to compute CRC-32C here: '%s'", name);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *module_crc32c_kinds(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    PyObject *names = PyList_New(0);
    for (const Crc32cKind *kind = crc32c_kinds(); names != NULL && kind->name; kind++) {
        PyObject *name = PyUnicode_FromString(kind->name);
        if (name == NULL || PyList_Append(names, name) < 0) {
            Py_CLEAR(names);
        }
        Py_XDECREF(name);
    }
    return names;
}

static PyObject *module_use_crc32c(PyObject *Py_UNUSED(module), PyObject *argument) {
    const char *name = PyUnicode_AsUTF8(argument);
    for (const Crc32cKind *kind = crc32c_kinds(); name && kind->name; kind++) {
        if (strcmp(kind->name, name) == 0) {
            best_crc32c = kind->run;
            Py_RETURN_NONE;
        }
    }
    if (name) {
        PyErr_Format(PyExc_ValueError, "no way to compute CRC-32C here: '%s'", name);
    }
    return NULL;
}

static PyMethodDef module_methods[] = {
    {"crc32c", module_crc32c, METH_VARARGS, "crc32c(data, kind)\n--\n\nThe CRC-32C of data, computed in one way."},
    {"crc32c_kinds", module_crc32c_kinds, METH_NOARGS,
     "crc32c_kinds()\n--\n\nThe ways to compute it that this processor has, the fastest first."},
    {"use_crc32c", module_use_crc32c, METH_O, "use_crc32c(kind)\n--\n\nVerify checksums in this way from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cbreplay._scanner",
    .m_doc = "The compiled scanner of event files.",
    .m_size = -1,
    .m_methods = module_methods,
};

static bool prepare(void) {
    crc32c_prepare();
    best_crc32c = crc32c_kinds()[0].run;
    text_image = PyUnicode_InternFromString("image");
    text_histo = PyUnicode_InternFromString("histo");
    text_scalars = PyUnicode_InternFromString("scalars");
    return text_image && text_histo && text_scalars && PyType_Ready(&collector_type) == 0;
}

PyMODINIT_FUNC PyInit__scanner(void) {
    PyObject *made = prepare() ? PyModule_Create(&module) : NULL;
    Py_INCREF(&collector_type);
    if (made != NULL && PyModule_AddObject(made, "Collector", (PyObject *)&collector_type) < 0) {
        Py_DECREF(&collector_type);
        Py_CLEAR(made);
    }
    return made;
}

#include "collector.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

static const Py_ssize_t WIDTHS[COLUMNS] = {8, 8, 4, 8, 1};

static bool new_columns(PyObject *columns[COLUMNS]) {
    for (int column = 0; column < COLUMNS; column++) {
        columns[column] = PyByteArray_FromStringAndSize(NULL, 0);
        if (columns[column] == NULL) {
            while (column-- > 0) {
                Py_CLEAR(columns[column]);
            }
            return false;
        }
    }
    return true;
}

bool collector_open(Collector *self, Py_ssize_t points) {
    self->latest = -1;
    self->index = PyDict_New();
    self->tags = PyList_New(0);
    self->other_tags = PyList_New(0);
    self->restarts = PyList_New(0);
    self->buckets = PyByteArray_FromStringAndSize(NULL, 0);
    return new_columns(self->columns) && self->buckets && self->index && self->tags && self->other_tags && self->restarts &&
           collector_reserve(self, points);
}

void collector_close(Collector *self) {
    for (int column = 0; column < COLUMNS; column++) {
        Py_CLEAR(self->columns[column]);
    }
    for (Py_ssize_t place = 0; place < self->name_count; place++) {
        Name *name = &self->names[place];
        Py_CLEAR(name->key);
        Py_CLEAR(name->tag);
        Py_CLEAR(name->plugin);
        Py_CLEAR(name->kind);
    }
    PyMem_Free(self->names);
    PyMem_Free(self->staged);
    Py_CLEAR(self->buckets);
    Py_CLEAR(self->index);
    Py_CLEAR(self->tags);
    Py_CLEAR(self->other_tags);
    Py_CLEAR(self->restarts);
}

/* A table with room for one more item, half as large again where it is full. */
static void *with_room(void *items, Py_ssize_t count, Py_ssize_t *room, size_t width) {
    if (count < *room) {
        return items;
    }
    const Py_ssize_t wanted = *room + *room / 2 + 16;
    void *grown = (size_t)wanted > PY_SSIZE_T_MAX / width ? NULL : PyMem_Realloc(items, (size_t)wanted * width);
    if (grown == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *room = wanted;
    return grown;
}

static Py_ssize_t enter_name(Collector *self, PyObject *key) {
    Name *names = with_room(self->names, self->name_count, &self->name_room, sizeof *names);
    if (names == NULL) {
        return -1;
    }
    self->names = names;
    if (self->name_count >= INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "more tags than fit in 32 bits");
        return -1;
    }
    PyObject *tag = PyUnicode_DecodeUTF8(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), NULL);
    PyObject *place = tag ? PyLong_FromSsize_t(self->name_count) : NULL;
    if (place == NULL || PyDict_SetItem(self->index, key, place) < 0) {
        Py_XDECREF(place);
        Py_XDECREF(tag);
        return -1;
    }
    Py_DECREF(place);
    Py_INCREF(key);
    const Cursor bytes = {(const uint8_t *)PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key)};
    names[self->name_count] = (Name){.key = key, .bytes = bytes, .tag = tag, .id = -1, .next = -1};
    return self->name_count++;
}

static Py_ssize_t find_name(Collector *self, Cursor tag) {
    PyObject *key = PyBytes_FromStringAndSize((const char *)tag.data, (Py_ssize_t)tag.left);
    if (key == NULL) {
        return -1;
    }
    PyObject *found = PyDict_GetItemWithError(self->index, key);
    Py_ssize_t place = -1;
    if (found != NULL) {
        place = PyLong_AsSsize_t(found);
    } else if (!PyErr_Occurred()) {
        place = enter_name(self, key);
    }
    Py_DECREF(key);
    return place;
}

static bool is_named(const Collector *self, Py_ssize_t place, Cursor tag) {
    return place >= 0 && cursor_same(tag, self->names[place].bytes);
}

Py_ssize_t collector_name(Collector *self, Cursor tag) {
    const Py_ssize_t latest = self->latest;
    Py_ssize_t place = latest < 0 ? -1 : self->names[latest].next;
    if (!is_named(self, place, tag)) {
        place = find_name(self, tag);
        if (place < 0) {
            return -1;
        }
        if (latest >= 0) {
            self->names[latest].next = place;
        }
    }
    self->latest = place;
    return place;
}

/* Memory that is touched for the first time costs more than all else that is done with a point, page by page. */
static void ask_for_large_pages(char *data, size_t size) {
#ifdef MADV_HUGEPAGE
    const size_t page = 4096, ahead = (page - (uintptr_t)data % page) % page;
    if (size >= (size_t)4 << 20) {
        (void)madvise(data + ahead, (size - ahead) / page * page, MADV_HUGEPAGE); /* advice: it may be refused */
    }
#else
    (void)data, (void)size;
#endif
}

static void point_at_columns(Collector *self) {
    for (int column = 0; column < COLUMNS; column++) {
        self->data[column] = PyByteArray_AS_STRING(self->columns[column]);
        ask_for_large_pages(self->data[column], (size_t)PyByteArray_GET_SIZE(self->columns[column]));
    }
}

bool collector_reserve(Collector *self, Py_ssize_t more) {
    if (more <= self->room - self->points) {
        return true;
    }
    if (more > PY_SSIZE_T_MAX / 32 - self->points - self->room - 64) {
        PyErr_NoMemory();
        return false;
    }
    const Py_ssize_t wanted = self->points + more + self->room + 64;
    for (int column = 0; column < COLUMNS; column++) {
        if (PyByteArray_Resize(self->columns[column], wanted * WIDTHS[column]) < 0) {
            point_at_columns(self); /* those that have grown have more room than is noted, which does no harm */
            return false;
        }
    }
    self->room = wanted;
    point_at_columns(self);
    return true;
}

/* The width is a constant where this is used, so that the copy is one instruction. */
static inline void put(Collector *self, int column, const void *item, size_t width) {
    memcpy(self->data[column] + (size_t)self->points * width, item, width);
}

bool collector_append(Collector *self, Py_ssize_t place, int64_t step, double wall_time, double value,
                      uint8_t encoding) {
    Name *name = &self->names[place];
    if (name->id < 0) {
        if (PyList_Append(self->tags, name->tag) < 0) {
            return false;
        }
        name->id = (int32_t)(PyList_GET_SIZE(self->tags) - 1);
    }
    put(self, WALL_TIME, &wall_time, sizeof wall_time);
    put(self, STEP, &step, sizeof step);
    put(self, TAG_ID, &name->id, sizeof name->id);
    put(self, VALUE, &value, sizeof value);
    put(self, ENCODING, &encoding, sizeof encoding);
    self->points++;
    return true;
}

bool collector_append_buckets(Collector *self, Cursor buckets) {
    const Py_ssize_t room = PyByteArray_GET_SIZE(self->buckets), wanted = self->bucket_bytes + (Py_ssize_t)buckets.left;
    if (wanted > room && PyByteArray_Resize(self->buckets, wanted + room) < 0) {
        return false;
    }
    memcpy(PyByteArray_AS_STRING(self->buckets) + self->bucket_bytes, buckets.data, buckets.left);
    self->bucket_bytes = wanted;
    return true;
}

static bool note_other_tag(Collector *self, Py_ssize_t place) {
    PyObject *number = PyLong_FromSsize_t(place);
    const bool is_noted = number != NULL && PyList_Append(self->other_tags, number) == 0;
    Py_XDECREF(number);
    return is_noted;
}

bool collector_count_other(Collector *self, Py_ssize_t place, PyObject *kind) {
    Name *name = &self->names[place];
    if (name->kind == NULL && !note_other_tag(self, place)) {
        return false;
    }
    Py_INCREF(kind);
    Py_XSETREF(name->kind, kind);
    name->others++;
    return true;
}

void collector_note_event(Collector *self, double wall_time) {
    if (!self->has_event) {
        self->first_wall_time = wall_time;
    }
    self->has_event = true;
    self->last_wall_time = wall_time;
}

Staged *collector_stage(Collector *self) {
    Staged *items = with_room(self->staged, self->staged_count, &self->staged_room, sizeof *items);
    if (items == NULL) {
        return NULL;
    }
    self->staged = items;
    items[self->staged_count] = (Staged){0};
    return &items[self->staged_count++];
}

/* Room that was never used is given back as a whole: a large block that is only cut stays a mapping of its own, of
 * which a process has some tens of thousands. */
static bool cut_to(PyObject **column, Py_ssize_t size, bool is_copied) {
    if (!is_copied) {
        return PyByteArray_Resize(*column, size) == 0;
    }
    PyObject *exact = PyByteArray_FromStringAndSize(PyByteArray_AS_STRING(*column), size);
    if (exact == NULL) {
        return false;
    }
    Py_SETREF(*column, exact);
    return true;
}

PyObject *collector_take_columns(Collector *self) {
    PyObject *empty[COLUMNS], *taken = PyTuple_New(COLUMNS);
    if (taken == NULL || !new_columns(empty)) {
        Py_XDECREF(taken);
        return NULL;
    }
    const bool is_mostly_room = self->points < self->room / 2;
    self->room = self->points; /* whatever happens below, there is no more than this */
    for (int column = 0; column < COLUMNS; column++) {
        if (!cut_to(&self->columns[column], self->points * WIDTHS[column], is_mostly_room)) {
            for (int other = 0; other < COLUMNS; other++) {
                Py_DECREF(empty[other]);
            }
            Py_DECREF(taken);
            return NULL;
        }
    }
    for (int column = 0; column < COLUMNS; column++) {
        PyTuple_SET_ITEM(taken, column, self->columns[column]);
        self->columns[column] = empty[column];
    }
    self->points = self->room = 0;
    return taken;
}

PyObject *collector_take_buckets(Collector *self) {
    PyObject *empty = PyByteArray_FromStringAndSize(NULL, 0), *taken = self->buckets;
    if (empty == NULL || PyByteArray_Resize(taken, self->bucket_bytes) < 0) {
        Py_XDECREF(empty);
        return NULL;
    }
    self->buckets = empty;
    self->bucket_bytes = 0;
    return taken;
}

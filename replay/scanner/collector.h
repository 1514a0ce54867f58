/* What one event file holds: growing columns of points, and a table of tags. Every function that can fail
 * returns false or -1 with a Python exception set. */
#ifndef CBREPLAY_COLLECTOR_H
#define CBREPLAY_COLLECTOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "cursor.h"

enum { WALL_TIME, STEP, TAG_ID, VALUE, ENCODING, COLUMNS };

typedef struct {
    PyObject *key;    /* the tag's bytes, in UTF-8 */
    Cursor bytes;     /* those of the key */
    PyObject *tag;    /* the same as text */
    PyObject *plugin; /* NULL as long as no value of the tag named one */
    PyObject *kind;   /* of what was counted under the tag, NULL as long as nothing was */
    Py_ssize_t others;
    int32_t id;      /* among the tags that have points, -1 for one that has none */
    Py_ssize_t next; /* the name that came behind this one when it was last looked up, -1 before */
} Name;

typedef struct {
    Py_ssize_t name;
    PyObject *kind; /* borrowed: what is counted, NULL for a point */
    double number;
    Cursor buckets; /* of a histogram, else empty */
    uint8_t encoding;
    bool named_plugin; /* the first value of its tag to name a plugin */
} Staged;

typedef struct {
    PyObject_HEAD
    PyObject *columns[COLUMNS]; /* bytearrays that nobody else sees until they are handed out */
    char *data[COLUMNS];        /* where they begin, whenever there is room in them */
    Py_ssize_t points, room;
    PyObject *buckets; /* bytearray: those of the histograms among the points, one behind the other */
    Py_ssize_t bucket_bytes;
    PyObject *index; /* bytes of a tag -> place among the names */
    Name *names;
    Py_ssize_t name_count, name_room;
    PyObject *tags;       /* list: those with points, by id */
    PyObject *other_tags; /* list of places among the names, in the order in which they were first counted */
    PyObject *restarts;   /* list of (points before it, step) */
    bool has_event;
    double first_wall_time, last_wall_time;
    Staged *staged; /* the values of the record that is being read */
    Py_ssize_t staged_count, staged_room;
    Py_ssize_t latest; /* the name that was looked up last, -1 before: writers write their tags in turn */
} Collector;

/* With room for so many points at once. */
bool collector_open(Collector *self, Py_ssize_t points);
void collector_close(Collector *self);

/* The place of a tag among the names, entered if it is new; -1 with UnicodeDecodeError where it is no UTF-8. */
Py_ssize_t collector_name(Collector *self, Cursor tag);

bool collector_reserve(Collector *self, Py_ssize_t more);
void collector_note_event(Collector *self, double wall_time);

/* Room has to be reserved. */
bool collector_append(Collector *self, Py_ssize_t name, int64_t step, double wall_time, double value,
                      uint8_t encoding);
bool collector_append_buckets(Collector *self, Cursor buckets);
bool collector_count_other(Collector *self, Py_ssize_t name, PyObject *kind);

/* Room for one more staged value, zeroed; NULL where there is no memory. */
Staged *collector_stage(Collector *self);

/* The five columns as a tuple of bytearrays of exact length; the collector has no points after it. */
PyObject *collector_take_columns(Collector *self);

/* The buckets as a bytearray of exact length; the collector has none after it. */
PyObject *collector_take_buckets(Collector *self);

#endif

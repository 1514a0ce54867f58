/* Ordinary events in protobuf's wire format (tensorboard/compat/proto/event.proto, summary.proto, tensor.proto).
 *
 * "Ordinary" is what writers write: known fields with their own wire types, fields that are not repeated at most
 * once, one member of a oneof at most. A reader here returns false for all else, sound or not, and protobuf
 * itself reads that record. So there is no rule here about what a broken message means. */
#ifndef CBREPLAY_WIRE_H
#define CBREPLAY_WIRE_H

#include "cursor.h"

typedef struct {
    double wall_time;
    int64_t step;
    Cursor summary; /* empty where the event has none */
} WireEvent;

typedef enum { WIRE_SIMPLE, WIRE_TENSOR, WIRE_IMAGE, WIRE_HISTO } WireKind;

typedef struct {
    Cursor tag;
    Cursor plugin; /* the name in the metadata, empty where there is none */
    WireKind kind;
    bool is_scalar; /* of a tensor: one float or double, in `number` */
    uint8_t encoding;
    double number;
    bool is_double; /* of a tensor: its elements are doubles */
    uint64_t rows;  /* of a tensor of doubles with the shape (rows, 3) and its content in one piece, else 0 */
    Cursor buckets; /* that content */
} WireValue;

bool wire_event(Cursor *payload, WireEvent *event);

/* Take the next value off a summary. */
bool wire_value(Cursor *summary, WireValue *value);

#endif

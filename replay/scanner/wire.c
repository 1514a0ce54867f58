#include "wire.h"

/* A field's key is one byte here: number << 3 | wire type. Numbers from 16 on have keys of two bytes and are not
 * ordinary. */
enum { VARINT = 0, FIXED64 = 1, SIZED = 2, FIXED32 = 5 };
#define KEY(number, type) ((number) << 3 | (type))

static bool take_key(Cursor *from, uint8_t *key) {
    Cursor byte;
    if (!cursor_take(from, 1, &byte)) {
        return false;
    }
    *key = byte.data[0];
    return true;
}

/* Note that a field was seen; false where it was before. */
static bool first_time(uint32_t *seen, unsigned number) {
    const bool is_first = (*seen >> number & 1) == 0;
    *seen |= UINT32_C(1) << number;
    return is_first;
}

static bool pass_varint(Cursor *from) {
    uint64_t value;
    return cursor_varint(from, &value);
}

static bool pass_fixed(Cursor *from, size_t size) {
    Cursor bytes;
    return cursor_take(from, size, &bytes);
}

static bool pass_sized(Cursor *from) {
    Cursor body;
    return cursor_sized(from, &body);
}

/* Text is to be valid UTF-8 for protobuf: what is not plain ASCII is left to it. */
static bool take_ascii(Cursor *from, Cursor *text) { return cursor_sized(from, text) && cursor_is_ascii(*text); }

static bool source_metadata(Cursor *body) {
    uint32_t seen = 0;
    uint8_t key;
    Cursor text;
    while (body->left) {
        if (!take_key(body, &key) || key != KEY(1, SIZED) || !first_time(&seen, 1) || !take_ascii(body, &text)) {
            return false;
        }
    }
    return true;
}

#define WHAT 31 /* the members of a oneof are noted as one: a second one would replace the first */

bool wire_event(Cursor *payload, WireEvent *event) {
    uint32_t seen = 0;
    uint64_t step = 0;
    uint8_t key;
    Cursor body;
    event->wall_time = 0;
    event->summary = (Cursor){payload->data, 0};
    while (payload->left) {
        bool is_sound = take_key(payload, &key);
        switch (is_sound ? key : 0) {
        case KEY(1, FIXED64):
            is_sound = first_time(&seen, 1) && cursor_double(payload, &event->wall_time);
            break;
        case KEY(2, VARINT):
            is_sound = first_time(&seen, 2) && cursor_varint(payload, &step);
            break;
        case KEY(3, SIZED): /* file_version */
            is_sound = first_time(&seen, WHAT) && take_ascii(payload, &body);
            break;
        case KEY(4, SIZED): /* graph_def and meta_graph_def, which are bytes */
        case KEY(9, SIZED):
            is_sound = first_time(&seen, WHAT) && pass_sized(payload);
            break;
        case KEY(5, SIZED):
            is_sound = first_time(&seen, WHAT) && cursor_sized(payload, &event->summary);
            break;
        case KEY(10, SIZED):
            is_sound = first_time(&seen, 10) && cursor_sized(payload, &body) && source_metadata(&body);
            break;
        default:
            is_sound = false;
        }
        if (!is_sound) {
            return false;
        }
    }
    memcpy(&event->step, &step, sizeof step); /* two's complement, as protobuf's int64 */
    return true;
}

/* A float as a double. A signalling NaN is left to Python, whose releases differ in what they make of it. */
static bool number_of_float(uint32_t bits, double *number) {
    const bool is_nan = (bits & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000);
    float value;
    if (is_nan && (bits & UINT32_C(0x00400000)) == 0) {
        return false;
    }
    memcpy(&value, &bits, sizeof bits);
    *number = (double)value;
    return true;
}

static bool plugin_data(Cursor *body, Cursor *plugin) {
    uint32_t seen = 0;
    uint8_t key;
    while (body->left) {
        if (!take_key(body, &key) || !first_time(&seen, key >> 3)) {
            return false;
        }
        if (!(key == KEY(1, SIZED) ? take_ascii(body, plugin) : key == KEY(2, SIZED) && pass_sized(body))) {
            return false;
        }
    }
    return true;
}

static bool metadata(Cursor *body, Cursor *plugin) {
    uint32_t seen = 0;
    uint8_t key;
    Cursor inner;
    while (body->left) {
        bool is_sound = take_key(body, &key) && first_time(&seen, key >> 3);
        switch (is_sound ? key : 0) {
        case KEY(1, SIZED):
            is_sound = cursor_sized(body, &inner) && plugin_data(&inner, plugin);
            break;
        case KEY(2, SIZED): /* display_name, summary_description */
        case KEY(3, SIZED):
            is_sound = take_ascii(body, &inner);
            break;
        case KEY(4, VARINT): /* data_class */
            is_sound = pass_varint(body);
            break;
        default:
            is_sound = false;
        }
        if (!is_sound) {
            return false;
        }
    }
    return true;
}

static bool image(Cursor *body) {
    uint8_t key;
    while (body->left) {
        if (!take_key(body, &key)) {
            return false;
        }
        const bool is_number = key == KEY(1, VARINT) || key == KEY(2, VARINT) || key == KEY(3, VARINT);
        if (!(is_number ? pass_varint(body) : key == KEY(4, SIZED) && pass_sized(body))) {
            return false;
        }
    }
    return true;
}

static bool pass_packed(Cursor *from, size_t width) {
    Cursor body;
    return cursor_sized(from, &body) && body.left % width == 0;
}

static bool histo(Cursor *body) {
    uint8_t key;
    while (body->left) {
        if (!take_key(body, &key)) {
            return false;
        }
        if (key == KEY(6, SIZED) || key == KEY(7, SIZED)) { /* bucket_limit, bucket */
            if (!pass_packed(body, 8)) {
                return false;
            }
        } else if ((key & 7) != FIXED64 || key < KEY(1, FIXED64) || key > KEY(7, FIXED64) || !pass_fixed(body, 8)) {
            return false;
        }
    }
    return true;
}

static bool dimension(Cursor *body, uint64_t *size) {
    uint8_t key;
    *size = 0;
    if (body->left && !(take_key(body, &key) && key == KEY(1, VARINT) && cursor_varint(body, size))) {
        return false;
    }
    return body->left == 0; /* a second size or a name is not ordinary */
}

/* What of a tensor bears on whether it is one number, or rows of three. */
typedef struct {
    uint64_t dtype;
    bool is_one; /* every dimension is 1 */
    size_t dimensions;
    uint64_t sizes[2]; /* the first two */
    Cursor content;
    size_t floats, doubles; /* elements of float_val and double_val */
    Cursor last_float, last_double;
} Tensor;

static bool shape(Cursor *body, Tensor *tensor) {
    uint32_t seen = 0;
    uint8_t key;
    Cursor inner;
    while (body->left) {
        uint64_t size;
        if (!take_key(body, &key)) {
            return false;
        }
        if (key == KEY(2, SIZED)) {
            if (!cursor_sized(body, &inner) || !dimension(&inner, &size)) {
                return false;
            }
            tensor->is_one = tensor->is_one && size == 1;
            if (tensor->dimensions < 2) {
                tensor->sizes[tensor->dimensions] = size;
            }
            tensor->dimensions++;
        } else if (key != KEY(3, VARINT) || !first_time(&seen, 3) || !pass_varint(body)) { /* unknown_rank */
            return false;
        }
    }
    return true;
}

/* A piece of a repeated field of fixed width: packed, or one element. */
static bool take_elements(Cursor *from, uint8_t key, size_t width, size_t *count, Cursor *last) {
    Cursor body;
    if (!((key & 7) == SIZED ? cursor_sized(from, &body) : cursor_take(from, width, &body)) || body.left % width) {
        return false;
    }
    *count += body.left / width;
    if (body.left) {
        *last = body;
    }
    return true;
}

static bool pass_varints(Cursor *from) {
    Cursor body;
    if (!cursor_sized(from, &body)) {
        return false;
    }
    while (body.left) {
        if (!pass_varint(&body)) {
            return false;
        }
    }
    return true;
}

static bool tensor_field(Cursor *body, uint8_t key, uint32_t *seen, Tensor *tensor) {
    Cursor inner;
    switch (key) {
    case KEY(1, VARINT):
        return first_time(seen, 1) && cursor_varint(body, &tensor->dtype) && tensor->dtype < 128;
    case KEY(2, SIZED):
        return first_time(seen, 2) && cursor_sized(body, &inner) && shape(&inner, tensor);
    case KEY(3, VARINT): /* version_number */
        return first_time(seen, 3) && pass_varint(body);
    case KEY(4, SIZED):
        return first_time(seen, 4) && cursor_sized(body, &tensor->content);
    case KEY(5, SIZED):
    case KEY(5, FIXED32):
        return take_elements(body, key, 4, &tensor->floats, &tensor->last_float);
    case KEY(6, SIZED):
    case KEY(6, FIXED64):
        return take_elements(body, key, 8, &tensor->doubles, &tensor->last_double);
    case KEY(8, SIZED): /* string_val, which is bytes */
        return pass_sized(body);
    case KEY(7, SIZED): /* int_val, int64_val, bool_val and half_val, packed */
    case KEY(10, SIZED):
    case KEY(11, SIZED):
    case KEY(13, SIZED):
        return pass_varints(body);
    default:
        return false;
    }
}

enum { DT_FLOAT = 1, DT_DOUBLE = 2 };

/* The number of a float or double tensor with one element; false also where a number is not ordinary. */
static bool tensor_number(const Tensor *tensor, WireValue *value) {
    const bool is_float = tensor->dtype == DT_FLOAT;
    Cursor bytes = tensor->content;
    uint32_t bits;
    value->is_scalar = false;
    if (!tensor->is_one || (!is_float && tensor->dtype != DT_DOUBLE)) {
        return true;
    }
    if (bytes.left == 0 && (is_float ? tensor->floats : tensor->doubles) == 1) {
        bytes = is_float ? tensor->last_float : tensor->last_double;
    }
    if (bytes.left != (is_float ? 4u : 8u)) {
        return true;
    }
    value->is_scalar = true;
    value->encoding = (uint8_t)tensor->dtype;
    if (!is_float) {
        return cursor_double(&bytes, &value->number);
    }
    return cursor_fixed32(&bytes, &bits) && number_of_float(bits, &value->number);
}

static void tensor_rows(const Tensor *tensor, WireValue *value) {
    const uint64_t row = 3 * sizeof(double);
    value->is_double = tensor->dtype == DT_DOUBLE;
    value->buckets = tensor->content;
    value->rows = tensor->content.left / row;
    if (!value->is_double || tensor->dimensions != 2 || tensor->sizes[0] != value->rows || tensor->sizes[1] != 3 ||
        tensor->content.left % row) {
        value->rows = 0;
    }
}

static bool take_tensor(Cursor *from, WireValue *value) {
    Tensor tensor = {.is_one = true, .content = {from->data, 0}};
    uint32_t seen = 0;
    uint8_t key;
    Cursor body;
    if (!cursor_sized(from, &body)) {
        return false;
    }
    while (body.left) {
        if (!take_key(&body, &key) || !tensor_field(&body, key, &seen, &tensor)) {
            return false;
        }
    }
    value->kind = WIRE_TENSOR;
    tensor_rows(&tensor, value);
    return tensor_number(&tensor, value);
}

static bool take_simple(Cursor *from, WireValue *value) {
    uint32_t bits;
    value->kind = WIRE_SIMPLE;
    value->encoding = 0;
    return cursor_fixed32(from, &bits) && number_of_float(bits, &value->number);
}

static bool value_field(Cursor *body, uint8_t key, uint32_t *seen, WireValue *value) {
    Cursor inner;
    switch (key) {
    case KEY(1, SIZED):
        return first_time(seen, 1) && cursor_sized(body, &value->tag);
    case KEY(7, SIZED): /* node_name, which CatBoost writes */
        return first_time(seen, 7) && take_ascii(body, &inner);
    case KEY(9, SIZED):
        return first_time(seen, 9) && cursor_sized(body, &inner) && metadata(&inner, &value->plugin);
    case KEY(2, FIXED32):
        return first_time(seen, WHAT) && take_simple(body, value);
    case KEY(8, SIZED):
        return first_time(seen, WHAT) && take_tensor(body, value);
    case KEY(4, SIZED):
        value->kind = WIRE_IMAGE;
        return first_time(seen, WHAT) && cursor_sized(body, &inner) && image(&inner);
    case KEY(5, SIZED):
        value->kind = WIRE_HISTO;
        return first_time(seen, WHAT) && cursor_sized(body, &inner) && histo(&inner);
    default:
        return false;
    }
}

bool wire_value(Cursor *summary, WireValue *value) {
    uint32_t seen = 0;
    uint8_t key;
    Cursor body;
    if (!take_key(summary, &key) || key != KEY(1, SIZED) || !cursor_sized(summary, &body)) {
        return false;
    }
    value->tag = value->plugin = (Cursor){body.data, 0};
    value->is_scalar = value->is_double = false; /* the rest is set with its kind */
    while (body.left) {
        if (!take_key(&body, &key) || !value_field(&body, key, &seen, value)) {
            return false;
        }
    }
    return (seen >> WHAT & 1) != 0; /* a value without a value is not ordinary */
}

/* A window on bytes that are only read through it. Every function here checks that what it takes lies in the
 * window, and nothing outside this file computes addresses in a buffer: that is what keeps the scanner in bounds. */
#ifndef CBREPLAY_CURSOR_H
#define CBREPLAY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t left;
} Cursor;

static inline uint32_t cursor_le32(const uint8_t *data) {
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static inline uint64_t cursor_le64(const uint8_t *data) {
    return (uint64_t)cursor_le32(data) | (uint64_t)cursor_le32(data + 4) << 32;
}

/* Take `size` bytes off the front as a window of their own. */
static inline bool cursor_take(Cursor *from, uint64_t size, Cursor *taken) {
    if (size > from->left) {
        return false;
    }
    taken->data = from->data;
    taken->left = (size_t)size;
    from->data += (size_t)size;
    from->left -= (size_t)size;
    return true;
}

static inline bool cursor_fixed32(Cursor *from, uint32_t *value) {
    Cursor bytes;
    if (!cursor_take(from, 4, &bytes)) {
        return false;
    }
    *value = cursor_le32(bytes.data);
    return true;
}

static inline bool cursor_fixed64(Cursor *from, uint64_t *value) {
    Cursor bytes;
    if (!cursor_take(from, 8, &bytes)) {
        return false;
    }
    *value = cursor_le64(bytes.data);
    return true;
}

static inline bool cursor_double(Cursor *from, double *value) {
    uint64_t bits;
    if (!cursor_fixed64(from, &bits)) {
        return false;
    }
    memcpy(value, &bits, sizeof bits);
    return true;
}

/* A number in its shortest form, as every writer writes it. Longer forms, and those of more than 64 bits, are
 * refused here and left to protobuf, whose releases differ in what they make of them. */
static inline bool cursor_varint(Cursor *from, uint64_t *value) {
    uint64_t sum = 0;
    if (from->left && from->data[0] < 0x80) { /* most are lengths of one byte */
        *value = from->data[0];
        from->data++;
        from->left--;
        return true;
    }
    for (size_t place = 0; place < 10 && place < from->left; place++) {
        const uint8_t byte = from->data[place];
        sum |= (uint64_t)(byte & 0x7F) << (7 * place);
        if (byte < 0x80) {
            from->data += place + 1;
            from->left -= place + 1;
            *value = sum;
            return (byte != 0 || place == 0) && (place < 9 || byte == 1);
        }
    }
    return false;
}

/* The body of a field of wire type 2. */
static inline bool cursor_sized(Cursor *from, Cursor *body) {
    uint64_t size;
    return cursor_varint(from, &size) && cursor_take(from, size, body);
}

static inline bool cursor_is_ascii(Cursor text) {
    uint64_t bits = 0;
    Cursor eight;
    while (cursor_take(&text, 8, &eight)) {
        bits |= cursor_le64(eight.data);
    }
    while (cursor_take(&text, 1, &eight)) {
        bits |= eight.data[0];
    }
    return (bits & UINT64_C(0x8080808080808080)) == 0;
}

static inline bool cursor_same(Cursor one, Cursor other) {
    uint64_t differing = 0;
    Cursor a, b;
    if (one.left != other.left) {
        return false;
    }
    while (cursor_take(&one, 8, &a) && cursor_take(&other, 8, &b)) {
        differing |= cursor_le64(a.data) ^ cursor_le64(b.data);
    }
    while (cursor_take(&one, 1, &a) && cursor_take(&other, 1, &b)) {
        differing |= (uint64_t)(a.data[0] ^ b.data[0]);
    }
    return differing == 0;
}

#endif

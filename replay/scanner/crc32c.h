/* CRC-32C (Castagnoli), as TFRecord frames carry it. */
#ifndef CBREPLAY_CRC32C_H
#define CBREPLAY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t (*Crc32c)(const uint8_t *data, size_t size);

typedef struct {
    const char *name;
    Crc32c run;
} Crc32cKind;

/* Fills the tables and looks at the processor; to be called once, before anything else here. */
void crc32c_prepare(void);

/* What this processor can run, the fastest first, up to an entry without a name. */
const Crc32cKind *crc32c_kinds(void);

/* What TFRecord stores for a checksum: never the checksum of bytes that hold checksums themselves. */
static inline uint32_t crc32c_masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + UINT32_C(0xA282EAD8); }

#endif

#include "crc32c.h"

#include <string.h>

#include "cursor.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <nmmintrin.h>
#define HARDWARE "sse4.2"
#define HARDWARE_TARGET __attribute__((target("sse4.2")))
#define CRC_8(crc, value) ((uint32_t)_mm_crc32_u64((crc), (value)))
#define CRC_1(crc, value) _mm_crc32_u8((crc), (value))
static int hardware_is_here(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(_M_X64) && defined(_MSC_VER)
#include <intrin.h>
#include <nmmintrin.h>
#define HARDWARE "sse4.2"
#define HARDWARE_TARGET
#define CRC_8(crc, value) ((uint32_t)_mm_crc32_u64((crc), (value)))
#define CRC_1(crc, value) _mm_crc32_u8((crc), (value))
static int hardware_is_here(void) {
    int registers[4];
    __cpuid(registers, 1);
    return registers[2] >> 20 & 1;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
/* The compiler was told that every processor it builds for has them (all of Apple's do). */
#include <arm_acle.h>
#define HARDWARE "armv8"
#define HARDWARE_TARGET
#define CRC_8(crc, value) __crc32cd((crc), (value))
#define CRC_1(crc, value) __crc32cb((crc), (value))
static int hardware_is_here(void) { return 1; }
#elif defined(__aarch64__) && defined(__linux__) && defined(__GNUC__)
#include <sys/auxv.h>
#define HARDWARE "armv8"
#define HARDWARE_TARGET __attribute__((target("arch=armv8-a+crc")))
/* arm_acle.h declares nothing where the whole file is built without the extension: the instructions by name. */
HARDWARE_TARGET static inline uint32_t arm_crc_8(uint32_t crc, uint64_t value) {
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(value));
    return crc;
}
HARDWARE_TARGET static inline uint32_t arm_crc_1(uint32_t crc, uint8_t value) {
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((uint32_t)value));
    return crc;
}
#define CRC_8(crc, value) arm_crc_8((crc), (value))
#define CRC_1(crc, value) arm_crc_1((crc), (value))
static int hardware_is_here(void) { return (getauxval(16 /* AT_HWCAP */) >> 7 & 1) != 0; /* HWCAP_CRC32 */ }
#endif

static uint32_t tables[8][256]; /* what a byte adds to the checksum, 0 to 7 bytes further on */

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
        }
        tables[0][byte] = crc;
    }
    for (int place = 1; place < 8; place++) {
        for (int byte = 0; byte < 256; byte++) {
            const uint32_t before = tables[place - 1][byte];
            tables[place][byte] = before >> 8 ^ tables[0][before & 0xFF];
        }
    }
}

static uint32_t table_raw(uint32_t crc, Cursor bytes) {
    Cursor eight;
    while (cursor_take(&bytes, 8, &eight)) {
        const uint64_t word = cursor_le64(eight.data) ^ crc;
        crc = 0;
        for (int place = 0; place < 8; place++) {
            crc ^= tables[7 - place][word >> (8 * place) & 0xFF];
        }
    }
    while (cursor_take(&bytes, 1, &eight)) {
        crc = crc >> 8 ^ tables[0][(crc ^ eight.data[0]) & 0xFF];
    }
    return crc;
}

static uint32_t table_crc32c(const uint8_t *data, size_t size) {
    return ~table_raw(~UINT32_C(0), (Cursor){data, size});
}

#ifdef HARDWARE

/* An instruction takes three cycles and a new one can begin in each: three lanes of LANE bytes run side by side
 * and are joined by what LANE further bytes do to a checksum, which is linear and so has a table. */
#define LANE 256

static uint32_t lane_tables[4][256];

static void fill_lane_tables(void) {
    static const uint8_t zeros[LANE];
    for (int place = 0; place < 4; place++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            lane_tables[place][byte] = table_raw(byte << (8 * place), (Cursor){zeros, LANE});
        }
    }
}

static inline uint32_t behind_a_lane(uint32_t crc) {
    return lane_tables[0][crc & 0xFF] ^ lane_tables[1][crc >> 8 & 0xFF] ^ lane_tables[2][crc >> 16 & 0xFF] ^
           lane_tables[3][crc >> 24];
}

HARDWARE_TARGET static uint32_t three_lanes(uint32_t crc, Cursor one, Cursor two, Cursor three) {
    uint32_t second = 0, third = 0;
    Cursor a, b, c;
    while (cursor_take(&one, 8, &a) && cursor_take(&two, 8, &b) && cursor_take(&three, 8, &c)) {
        crc = CRC_8(crc, cursor_le64(a.data));
        second = CRC_8(second, cursor_le64(b.data));
        third = CRC_8(third, cursor_le64(c.data));
    }
    return behind_a_lane(behind_a_lane(crc) ^ second) ^ third;
}

HARDWARE_TARGET static uint32_t hardware_crc32c(const uint8_t *data, size_t size) {
    uint32_t crc = ~UINT32_C(0);
    Cursor bytes = {data, size}, lanes, one, two;
    while (cursor_take(&bytes, 3 * LANE, &lanes)) {
        if (!cursor_take(&lanes, LANE, &one) || !cursor_take(&lanes, LANE, &two)) {
            break; /* never: LANE bytes are in three times as many */
        }
        crc = three_lanes(crc, one, two, lanes);
    }
    while (cursor_take(&bytes, 8, &one)) {
        crc = CRC_8(crc, cursor_le64(one.data));
    }
    while (cursor_take(&bytes, 1, &one)) {
        crc = CRC_1(crc, one.data[0]);
    }
    return ~crc;
}

#endif

static Crc32cKind kinds[3];

void crc32c_prepare(void) {
    size_t count = 0;
    fill_tables();
#ifdef HARDWARE
    if (hardware_is_here()) {
        fill_lane_tables();
        kinds[count++] = (Crc32cKind){HARDWARE, hardware_crc32c};
    }
#endif
    kinds[count++] = (Crc32cKind){"table", table_crc32c};
    kinds[count] = (Crc32cKind){NULL, NULL};
}

const Crc32cKind *crc32c_kinds(void) { return kinds; }

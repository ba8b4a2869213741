// CRC-32: half a byte at a time where the library is built for size, else one, or eight on hosts ("slicing by 8").
// SPDX-License-Identifier: MIT
#include "runtime/crc32.h"

namespace adder {
namespace {

#if defined(__OPTIMIZE_SIZE__)
constexpr int slices = 1, table_bits = 4;
#elif defined(__LP64__)
constexpr int slices = 8, table_bits = 8;
#else
constexpr int slices = 1, table_bits = 8;
#endif
constexpr uint32_t entries = 1u << table_bits;

struct CrcTables {
    uint32_t at[slices][entries];
};

constexpr CrcTables make_tables() {
    CrcTables tables{};
    for (uint32_t i = 0; i < entries; ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < table_bits; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0u);
        tables.at[0][i] = value;
    }
    // at[k][i]: the effect of byte i after k more zero bytes
    for (int k = 1; k < slices; ++k)
        for (uint32_t i = 0; i < entries; ++i) {
            const uint32_t previous = tables.at[k - 1][i];
            tables.at[k][i] = (previous >> 8) ^ tables.at[0][previous & 0xff];
        }
    return tables;
}

constexpr CrcTables crc_tables = make_tables();

}  // namespace

uint32_t crc32(uint32_t crc, const void *data, size_t size) {
    const uint8_t *bytes = static_cast<const uint8_t *>(data);
    crc = ~crc;
    if constexpr (slices == 8) {
        for (; size >= 8; size -= 8, bytes += 8) {
            uint32_t next = 0;
            for (int k = 0; k < 4; ++k) {
                next ^= crc_tables.at[7 - k][bytes[k] ^ ((crc >> (8 * k)) & 0xff)];
                next ^= crc_tables.at[3 - k][bytes[4 + k]];
            }
            crc = next;
        }
    }
    for (; size > 0; --size) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit += table_bits)
            crc = (crc >> table_bits) ^ crc_tables.at[0][crc & (entries - 1)];
    }
    return ~crc;
}

}  // namespace adder

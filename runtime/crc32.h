// CRC-32 as zlib, PNG and Ethernet compute it: reflected, polynomial 0xedb88320.
// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace adder {

// Continues a CRC over `size` bytes; begin with crc 0. crc32(crc32(0, a), b) is the CRC of a followed by b.
uint32_t crc32(uint32_t crc, const void *data, size_t size);

}  // namespace adder

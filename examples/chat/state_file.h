// The file that /save writes: a state of the library, then the sampler's memory.
// SPDX-License-Identifier: MIT
//
//     bytes                what
//     adder_state_size_at  as adder_state_save writes it; it knows its model and position, and has a checksum of its own
//     8                    "ADDRCHAT"
//     256                  int32 recent[64]: the answers' last tokens, as in adder_sampler
//     4, 4                 uint32 accepted, uint32 zero
//     8                    uint64 random
//     8                    uint64 FNV-1a of the 280 bytes from "ADDRCHAT" on
//
// Little-endian, like the state. Temperature and the like are the user's, not the conversation's: they are
// not in it.
#pragma once

#include <adder/adder.h>

#include <string>
#include <vector>

namespace chat {

// To a name beside `path`, fsync, rename. Failure(failure); a file that was there stays whole.
void write_state_file(const std::string &path, std::vector<unsigned char> state, const adder_sampler &sampler);

// Splits the file into the state (not yet checked) and *sampler, of which only the memory is replaced. A file
// without the part after the state leaves *sampler as it is. Failure(bad_input); then *sampler is untouched.
std::vector<unsigned char> read_state_file(const std::string &path, const adder_model &model,
                                           uint32_t vocab_size, adder_sampler *sampler);

}  // namespace chat

// The tokenizer of the evaluator's small model: bytes and a few merges.
// SPDX-License-Identifier: MIT
#include "tests/runtime/tokenizer_fixture.h"

namespace adder::test {

std::string toy_tokenizer() {
    Toy toy;
    for (char c = 'a'; c <= 'z'; ++c) toy.merge(std::string(1, c), std::string(1, c));
    toy.merge(" ", "a");
    return toy.json();
}

}  // namespace adder::test

// RWKV-7.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

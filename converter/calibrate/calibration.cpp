// Access by role.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/calibration.h"

namespace adder {

Calibration::Calibration(const ModelShape &shape)
    : owners_(shape.block_count()), blocks_(shape.block_count()) {
    for (uint32_t block = 0; block < shape.block_count(); ++block)
        for (const Role role : linear_roles_of(shape, block)) {
            owners_[block][role] = input_owner(shape, role, block);
            blocks_[block][owners_[block][role]];
        }
}

const InputScales &Calibration::of(Role role, uint32_t block) const {
    return block == no_block ? head_ : blocks_[block].at(owners_[block].at(role));
}

InputScales &Calibration::of(Role role, uint32_t block) {
    return const_cast<InputScales &>(static_cast<const Calibration *>(this)->of(role, block));
}

}  // namespace adder

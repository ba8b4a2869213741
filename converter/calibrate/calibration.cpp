// Access by role.
// SPDX-License-Identifier: MIT
#include "converter/calibrate/calibration.h"

namespace adder {

const InputScales &Calibration::Layer::of(Role role) const {
    return role == Role::in_proj   ? in_proj
           : role == Role::x_proj  ? x_proj
           : role == Role::dt_proj ? dt_proj
                                   : out_proj;
}
InputScales &Calibration::Layer::of(Role role) {
    return const_cast<InputScales &>(static_cast<const Layer *>(this)->of(role));
}
const InputScales &Calibration::of(Role role, uint32_t layer) const {
    return role == Role::head || role == Role::embedding ? head : layers[layer].of(role);
}
InputScales &Calibration::of(Role role, uint32_t layer) {
    return const_cast<InputScales &>(static_cast<const Calibration *>(this)->of(role, layer));
}

}  // namespace adder

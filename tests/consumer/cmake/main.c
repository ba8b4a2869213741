/* Succeeds if header and library belong together.
 * SPDX-License-Identifier: MIT */
#include <adder/adder.h>

#include <stdio.h>
#include <string.h>

int main(void) {
    char version[32];
    adder_model model;
    static const char blob[ADDER_ALIGNMENT] __attribute__((aligned(ADDER_ALIGNMENT))) = "no blob";
    snprintf(version, sizeof version, "%d.%d.%d", ADDER_VERSION_MAJOR, ADDER_VERSION_MINOR,
             ADDER_VERSION_PATCH);
    return strcmp(version, adder_version()) != 0 ||
           adder_model_open(&model, blob, sizeof blob, NULL) != ADDER_ERROR_NOT_A_BLOB;
}

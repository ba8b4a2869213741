/* The blob, in flash as it is in its file: MODEL_FILE names it.
 * SPDX-License-Identifier: MIT */
    .syntax unified
    .section .model, "a", %progbits
    .balign 64
    .global model_blob
    .type model_blob, %object
model_blob:
    .incbin MODEL_FILE
    .size model_blob, . - model_blob

    .section .rodata.model_blob_size, "a", %progbits
    .balign 4
    .global model_blob_size
    .type model_blob_size, %object
model_blob_size:
    .word model_blob_end - model_blob
    .size model_blob_size, 4

    .section .model
model_blob_end:

/* What the programs here have in common: a model in flash, its session, and turns of a user.
 * SPDX-License-Identifier: MIT
 * All memory is static. What goes wrong is a sentence on the port and exit code 1. */
#ifndef ADDER_FIRMWARE_TALK_H
#define ADDER_FIRMWARE_TALK_H

#include "model.h"
#include "port.h"

#include <adder/adder.h>

enum { max_turn = 512 }; /* ids of one turn, and what the tokenizer works with */

extern adder_model model;
extern adder_session *session;
extern adder_sampler sampler; /* takes the likeliest token */
extern uint32_t tokens_read, tokens_written;

void check(adder_status status, const adder_error *error);

/* Opens the model and makes the session. */
void start(void);

/* Goes to where every conversation begins: before the first token, or, where a state was exported with the model (adder export-c
 * --state), behind what that has taken. */
void begin(void);

/* Shows what the user says, and takes it in but for the last token, which is returned: adder_step takes that. */
int32_t read_turn(const char *text);

/* Tokens, time and stack since then. */
void report(uint32_t start_time);

#endif

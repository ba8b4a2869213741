/* A small pool of POSIX threads, for programs that have none of their own: what adder_options.parallel_for asks for.
 * SPDX-License-Identifier: MIT
 *
 * A library of its own, adder_pool (in CMake adder::pool), in need of libc and pthreads only; libadder does not use it.
 *
 *     adder_pool *pool = adder_pool_create(NULL);
 *     adder_options options = {0};
 *     options.threads = adder_pool_size(pool);
 *     options.parallel_for = adder_pool_parallel_for;
 *     options.parallel_context = pool;
 *
 * Member i of a job's threads runs task i, always the same part of the work, so that its weights stay in its cache. The
 * calling thread is member 0; when it is done, it also runs what others have not begun: a member that sleeps, or whose CPU
 * is taken by another program, is not waited for. Members spin for a while after a job, then sleep. */
#ifndef ADDER_POOL_H
#define ADDER_POOL_H

#include <adder/adder.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct adder_pool adder_pool;

#define ADDER_POOL_MAX_THREADS 256 /* as many as a session's work can be cut into */
#define ADDER_POOL_NO_SPIN UINT32_MAX

/* Zero means the default, so that a zeroed struct, or a null pointer, asks for all defaults. */
typedef struct adder_pool_options {
    uint32_t threads; /* members, the calling thread included, 1..256; 0: one a CPU that this thread may run on */
    uint32_t spin_us; /* microseconds from the end of a job until a member sleeps; 0: 100, or none where there are
                             more members than CPUs; ADDER_POOL_NO_SPIN: none */
    const uint32_t *cpus; /* [threads] the CPU that each member is bound to; null: none is. The first is not used: to
                             bind the calling thread is its own business. Linux only */
} adder_pool_options;

/* Starts the threads. All memory is taken here. Null, with errno set, if there is no memory (ENOMEM), a thread cannot be
 * started (EAGAIN), or an option is out of range, or a CPU not there to be bound to (EINVAL; ENOTSUP where no member can
 * be bound). */
adder_pool *adder_pool_create(const adder_pool_options *options);

/* Ends the threads and gives the memory back; null is fine. */
void adder_pool_destroy(adder_pool *pool);

/* Members, the calling thread included. */
uint32_t adder_pool_size(const adder_pool *pool);

/* Calls task(argument, index) once for every index 0 .. count-1 and returns when all have returned; what they wrote is
 * then visible. Indices i, i + size, i + 2 size, ... are one member's, in this order. One job at a time: not from two
 * threads, and not from a task. Allocates nothing. `pool` is an adder_pool *: the type is that of adder_parallel_for. */
void adder_pool_parallel_for(void *pool, adder_task task, void *argument, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif

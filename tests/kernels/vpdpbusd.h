// Lets the AVX-VNNI kernels run on a CPU without AVX-VNNI: emulates vpdpbusd when it traps. x86-64 Linux.
// SPDX-License-Identifier: MIT
//
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: VPDPBUSD, VEX.256.66.0F38.W0 50 /r; the VEX
// prefix (2.3.5) and ModRM and SIB (2.1.5). Volume 1, 13.4: the XSAVE area, in which the system hands the registers over.
#pragma once

#include "kernels/cpu.h"

#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#include <ucontext.h>
#endif

#include <cstdint>
#include <cstring>

namespace adder {

#if defined(__x86_64__) && defined(__linux__)

class VpdpbusdEmulator {
  public:
    static bool possible() { return cpu_has_avx2(); }

    VpdpbusdEmulator() {
        struct sigaction action = {};
        action.sa_sigaction = emulate;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGILL, &action, &before_);
    }
    VpdpbusdEmulator(const VpdpbusdEmulator &) = delete;
    VpdpbusdEmulator &operator=(const VpdpbusdEmulator &) = delete;
    ~VpdpbusdEmulator() { sigaction(SIGILL, &before_, nullptr); }

  private:
    // A YMM register's halves lie apart in the XSAVE area: those of SSE at byte 160, those of AVX at byte 576. Bit 2 of its
    // header says whether the latter are there or zero.
    struct Registers {
        explicit Registers(void *area) : bytes(static_cast<uint8_t *>(area)) {
            uint64_t present;
            memcpy(&present, bytes + 512, sizeof present);
            if ((present & 4) != 0) return;
            memset(bytes + 576, 0, 256);
            present |= 4;
            memcpy(bytes + 512, &present, sizeof present);
        }
        void read(unsigned i, void *to) const {
            memcpy(to, bytes + 160 + 16 * i, 16);
            memcpy(static_cast<uint8_t *>(to) + 16, bytes + 576 + 16 * i, 16);
        }
        void write(unsigned i, const void *from) {
            memcpy(bytes + 160 + 16 * i, from, 16);
            memcpy(bytes + 576 + 16 * i, static_cast<const uint8_t *>(from) + 16, 16);
        }
        uint8_t *bytes;
    };

    static void emulate(int, siginfo_t *, void *context) {
        mcontext_t &machine = static_cast<ucontext_t *>(context)->uc_mcontext;
        const uint8_t *code = reinterpret_cast<const uint8_t *>(machine.gregs[REG_RIP]);
        if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x87) != 5 || code[3] != 0x50) {
            signal(SIGILL, SIG_DFL);  // another instruction: it traps again, and ends the program
            return;
        }
        Registers registers(machine.fpregs);
        const unsigned reg = (code[4] >> 3 & 7u) | (~code[1] >> 4 & 8u),
                       rm = (code[4] & 7u) | (~code[1] >> 2 & 8u);
        uint32_t sum[8];  // it wraps
        uint8_t u[32];
        int8_t s[32];
        registers.read(reg, sum);
        registers.read(~code[2] >> 3 & 15u, u);
        const uint8_t *next = code + 5;
        if (code[4] >> 6 == 3)
            registers.read(rm, s);
        else
            memcpy(s, operand(machine, code, next), sizeof s);
        for (int i = 0; i < 32; ++i) sum[i / 4] += static_cast<uint32_t>(u[i] * s[i]);
        registers.write(reg, sum);
        machine.gregs[REG_RIP] = reinterpret_cast<greg_t>(next);
    }

    // The address of a memory operand; `next` moves past SIB and displacement.
    static const void *operand(const mcontext_t &machine, const uint8_t *code, const uint8_t *&next) {
        static constexpr int numbers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                            REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                            REG_R12, REG_R13, REG_R14, REG_R15};
        const unsigned mod = code[4] >> 6, x = ~code[1] >> 3 & 8u, b = ~code[1] >> 2 & 8u;
        unsigned base = code[4] & 7u;
        bool wide = mod == 2;
        greg_t address = 0;
        if (base == 4) {
            const uint8_t sib = *next++;
            const unsigned index = (sib >> 3 & 7u) | x;
            if (index != 4) address = machine.gregs[numbers[index]] * (1 << (sib >> 6));
            base = sib & 7u;
            wide = wide || (mod == 0 && base == 5);
            if (mod != 0 || base != 5) address += machine.gregs[numbers[base | b]];
        } else if (mod == 0 && base == 5) {
            wide = true;
            address = reinterpret_cast<greg_t>(next + 4);  // relative to the next instruction
        } else
            address = machine.gregs[numbers[base | b]];
        if (wide) {
            int32_t displacement;
            memcpy(&displacement, next, sizeof displacement);
            address += displacement;
            next += sizeof displacement;
        } else if (mod == 1)
            address += static_cast<int8_t>(*next++);
        return reinterpret_cast<const void *>(address);
    }

    struct sigaction before_;
};

#else

struct VpdpbusdEmulator {
    static bool possible() { return false; }
};

#endif

}  // namespace adder

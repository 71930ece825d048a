//! Programmable transactions over the Move virtual machine: admission, gas, publishing and effects.

//! A Move virtual machine for Sui packages: loader, interpreter, natives and object runtime.

/// Calls a native function that the machine does not have, through a function of the framework.
module timelock::timelock;

public fun opened(input: &vector<u8>, output: &vector<u8>, proof: &vector<u8>): bool {
    sui::vdf::vdf_verify(input, output, proof, 1000)
}

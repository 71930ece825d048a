/// A coin, for balances of something else than SUI.
module counter::gold;

use sui::coin;

public struct GOLD has drop {}

#[allow(deprecated_usage)]
fun init(witness: GOLD, ctx: &mut TxContext) {
    let (mut treasury, metadata) = coin::create_currency(
        witness,
        3,
        b"GLD",
        b"Gold",
        b"Shines",
        option::none(),
        ctx,
    );
    transfer::public_transfer(treasury.mint(1_000_000, ctx), ctx.sender());
    transfer::public_freeze_object(metadata);
    transfer::public_transfer(treasury, ctx.sender());
}

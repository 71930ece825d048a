/// A regulated coin: addresses can be denied, and all of it paused.
module counter::iron;

use sui::coin;

public struct IRON has drop {}

#[allow(deprecated_usage)]
fun init(witness: IRON, ctx: &mut TxContext) {
    let (mut treasury, deny, metadata) = coin::create_regulated_currency_v2(
        witness,
        0,
        b"FE",
        b"Iron",
        b"Heavy",
        option::none(),
        true,
        ctx,
    );
    transfer::public_transfer(treasury.mint(1_000, ctx), ctx.sender());
    transfer::public_freeze_object(metadata);
    transfer::public_transfer(treasury, ctx.sender());
    transfer::public_transfer(deny, ctx.sender());
}

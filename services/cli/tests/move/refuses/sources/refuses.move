/// Cannot be published.
module refuses::refuses;

const ENotToday: u64 = 77;

fun init(ctx: &mut TxContext) {
    let epoch = ctx.epoch();
    assert!(
        epoch > 1_000_000,
        ENotToday,
    );
}

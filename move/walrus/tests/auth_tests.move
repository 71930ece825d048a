#[test_only]
module walrus::auth_tests;

use sui::clock;
use walrus::auth;

#[test]
fun an_identity_matches_itself_only() {
    let ctx = &mut tx_context::dummy();
    let object = clock::create_for_testing(ctx);
    let id = object::id(&object);
    let sender = auth::authenticate_sender(ctx);
    assert!(sender.matches(&auth::authorized_address(ctx.sender())));
    assert!(!sender.matches(&auth::authorized_address(@0xBAD)));
    assert!(!sender.matches(&auth::authorized_object(ctx.sender().to_id())));
    let holder = auth::authenticate_with_object(&object);
    assert!(holder.matches(&auth::authorized_object(id)));
    assert!(!holder.matches(&auth::authorized_object(@0xBAD.to_id())));
    assert!(!holder.matches(&auth::authorized_address(id.to_address())));
    object.destroy_for_testing();
}

/// Selling albums for SUI at a fixed price.
///
/// Life cycle: `offer` shares the offer with the album in it; `buy` or `withdraw` ends it.
module album::sale;

use album::album::Album;
use sui::coin::Coin;
use sui::event;
use sui::sui::SUI;

// === Errors ===

/// The payment is not the price.
const EWrongPrice: u64 = 0;
/// Only the seller can withdraw an offer.
const ENotSeller: u64 = 1;

// === Structs ===

/// An album that anybody can buy.
public struct Offer has key {
    id: UID,
    seller: address,
    /// In MIST.
    price: u64,
    album: Album,
}

/// An album is on offer.
public struct AlbumOffered has copy, drop {
    offer_id: ID,
    album_id: ID,
    price: u64,
}

/// An album has another owner.
public struct AlbumSold has copy, drop {
    album_id: ID,
    seller: address,
    buyer: address,
    price: u64,
}

// === Public Functions ===

/// Offers an album to everybody. Emits `AlbumOffered`.
public fun offer(album: Album, price: u64, ctx: &mut TxContext) {
    let offer = Offer { id: object::new(ctx), seller: ctx.sender(), price, album };
    event::emit(AlbumOffered {
        offer_id: object::id(&offer),
        album_id: object::id(&offer.album),
        price,
    });
    transfer::share_object(offer);
}

/// Buys an album: the seller gets the payment, the caller the album. Emits `AlbumSold`.
///
/// - Aborts `EWrongPrice` (0).
public fun buy(offer: Offer, payment: Coin<SUI>, ctx: &TxContext): Album {
    assert!(payment.value() == offer.price, EWrongPrice);
    let Offer { id, seller, price, album } = offer;
    id.delete();
    event::emit(AlbumSold { album_id: object::id(&album), seller, buyer: ctx.sender(), price });
    transfer::public_transfer(payment, seller);
    album
}

/// Takes an album off the market.
///
/// - Aborts `ENotSeller` (1).
public fun withdraw(offer: Offer, ctx: &TxContext): Album {
    assert!(ctx.sender() == offer.seller, ENotSeller);
    let Offer { id, album, .. } = offer;
    id.delete();
    album
}

// === View Functions ===

/// The price in MIST.
public fun price(self: &Offer): u64 { self.price }

/// The album on offer.
public fun album(self: &Offer): &Album { &self.album }

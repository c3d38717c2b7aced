use crate::shop::{Shop, SignedIn};

#[tokio::test]
async fn ends_the_sign_in_and_says_whether_there_was_one() {
    let shop = Shop::start().await;
    let phone = shop.register("ann").await;
    let laptop = shop.login("ann").await;
    assert_eq!(shop.logout(&phone.refresh).await.data()["logout"], true);
    assert_eq!(shop.logout(&phone.refresh).await.data()["logout"], false);
    assert_eq!(shop.refresh(&phone.refresh).await.code(), "UNAUTHENTICATED");
    assert!(shop.refresh(&laptop.refresh).await.data()["refreshToken"].is_object());
}

#[tokio::test]
async fn an_old_token_ends_it_too() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let next = SignedIn::read(&shop.refresh(&ann.refresh).await.data()["refreshToken"]);
    assert_eq!(shop.logout(&ann.refresh).await.data()["logout"], true);
    assert_eq!(shop.refresh(&next.refresh).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_text_that_is_no_token_ends_nothing() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    for token in ["", "x", &"x".repeat(10_000), &"x".repeat(80)] {
        assert_eq!(shop.logout(token).await.data()["logout"], false);
    }
    assert_eq!(shop.session_count().await, 1);
}

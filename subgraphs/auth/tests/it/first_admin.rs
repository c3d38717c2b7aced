use auth::FirstAdmin;
use kit::{service::StartError, testing::World};

use crate::shop::{ADMIN, PASSWORD, Shop, Succeeded, config};

#[tokio::test]
async fn is_made_at_the_first_start_and_left_alone_afterwards() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    shop.change_password(&admin, PASSWORD, "battery staple").await.assert_ok();
    let shop =
        shop.restart_with(|config| config.admin = Some(FirstAdmin::new("BOSS", "another password"))).await;
    assert_eq!(shop.user_count().await, 1);
    assert_eq!(shop.try_login(ADMIN, "another password").await.code(), "UNAUTHENTICATED");
    assert!(shop.try_login(ADMIN, "battery staple").await.data()["login"].is_object());
}

#[tokio::test]
async fn does_not_raise_a_user_who_has_that_name() {
    let shop = Shop::start_with(|config| config.admin = None).await;
    assert_eq!(shop.user_count().await, 0);
    shop.register(ADMIN).await;
    let shop = shop.restart_with(|_| {}).await;
    let answer = shop.try_login(ADMIN, PASSWORD).await;
    assert_eq!(answer.data()["login"]["user"]["role"], "CUSTOMER");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_is_refused_in_words() {
    for (name, password, about) in [("x", PASSWORD, "input.username"), (ADMIN, "short", "input.password")] {
        let world = World::start().await;
        let mut config = config(&world);
        config.admin = Some(FirstAdmin::new(name, password));
        match auth::start(world.context(&auth::SERVICE).await, config).await.err() {
            Some(StartError::Config(text)) => {
                assert!(text.contains(about), "{text}");
                assert!(!text.contains(password) && text.contains("the first admin"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

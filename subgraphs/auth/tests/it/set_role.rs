use kit::identity::{Role, UserId};
use serde_json::json;

use crate::shop::{Shop, Succeeded};

#[tokio::test]
async fn an_admin_gives_roles() {
    let shop = Shop::start().await;
    let (admin, ann) = (shop.admin().await, shop.register("ann").await);
    for role in ["SELLER", "ADMIN", "ADMIN", "CUSTOMER"] {
        let answer = shop.set_role(&admin, &ann.id, role).await;
        assert_eq!(answer.data()["setRole"], json!({ "_id": ann.id, "role": role }));
    }
}

#[tokio::test]
async fn the_last_admin_stays() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    let answer = shop.set_role(&admin, &admin.id, "CUSTOMER").await;
    assert_eq!(answer.code(), "CONFLICT");
    assert_eq!(answer.body["data"]["setRole"], json!(null));
    assert_eq!(shop.as_user(&admin).ask("{ me { role } }").await.data()["me"]["role"], "ADMIN");
    // Not so the last but one.
    let ann = shop.register("ann").await;
    shop.set_role(&admin, &ann.id, "ADMIN").await.assert_ok();
    shop.set_role(&admin, &admin.id, "CUSTOMER").await.assert_ok();
    let ann = shop.login("ann").await;
    assert_eq!(shop.set_role(&ann, &ann.id, "SELLER").await.code(), "CONFLICT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_leave_at_once_do_not_leave_the_shop_without_one() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    let ann = shop.register("ann").await;
    let (mut admin, mut other) = (admin, ann);
    for round in 0..10 {
        shop.set_role(&admin, &other.id, "ADMIN").await.assert_ok();
        other = shop.login(&other.username).await;
        // Themselves, then each other.
        let (first, second) = if round % 2 == 0 { (&admin, &other) } else { (&other, &admin) };
        let (one, two) = tokio::join!(
            shop.set_role(&admin, &first.id, "SELLER"),
            shop.set_role(&other, &second.id, "SELLER")
        );
        let lost: Vec<_> =
            [&one, &two].into_iter().filter(|answer| answer.body.get("errors").is_some()).collect();
        assert_eq!(lost.len(), 1, "{} {}", one.body, two.body);
        // Whoever was no admin any more when they asked is told so instead.
        assert!(["CONFLICT", "FORBIDDEN"].contains(&lost[0].code()));
        let mut left = Vec::new();
        for user in [&admin, &other] {
            let kept = shop.users.get(&UserId::parse(&user.id).unwrap()).await.unwrap().unwrap();
            if kept.role() == Role::Admin {
                left.push(user.clone());
            }
        }
        assert_eq!(left.len(), 1);
        if left[0].id != admin.id {
            std::mem::swap(&mut admin, &mut other);
        }
    }
}

#[tokio::test]
async fn who_is_no_admin_any_more_gives_no_roles_whatever_their_token_says() {
    let shop = Shop::start().await;
    let (admin, ann, bob) = (shop.admin().await, shop.register("ann").await, shop.register("bob").await);
    shop.set_role(&admin, &ann.id, "ADMIN").await.assert_ok();
    let ann = shop.login("ann").await;
    shop.set_role(&admin, &ann.id, "CUSTOMER").await.assert_ok();
    assert_eq!(shop.set_role(&ann, &bob.id, "ADMIN").await.code(), "FORBIDDEN");
    assert_eq!(shop.set_role(&ann, &ann.id, "ADMIN").await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_roster_that_missed_an_admin_is_mended_at_the_next_start() {
    let shop = Shop::start().await;
    let (admin, ann) = (shop.admin().await, shop.register("ann").await);
    // As if the process had died between the role and the roster.
    let id = UserId::parse(&ann.id).unwrap();
    let promote = |user: &mut auth::domain::user::User, _: &mut kit::store::Outbox<'_>| {
        user.set_role(Role::Admin);
        Ok::<_, std::convert::Infallible>(())
    };
    shop.users.update(&id, promote).await.unwrap();
    assert_eq!(shop.set_role(&admin, &admin.id, "CUSTOMER").await.code(), "CONFLICT");
    let shop = shop.restart_with(|_| {}).await;
    shop.set_role(&shop.admin().await, &admin.id, "CUSTOMER").await.assert_ok();
    let mut roster = shop.roster.get(&"admins".to_owned()).await.unwrap().unwrap();
    assert!(roster.leave(id).is_err(), "ann is the only one in it");
}

#[tokio::test]
async fn refuses_ids_and_roles_that_cannot_be() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    assert_eq!(shop.set_role(&admin, &UserId::new().to_string(), "SELLER").await.code(), "NOT_FOUND");
    for id in ["", "x", &"x".repeat(10_000)] {
        let answer = shop.set_role(&admin, id, "SELLER").await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["user"]);
    }
    for role in ["KING", "", "admin"] {
        let answer = shop.set_role(&admin, &admin.id, role).await;
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()), "{}", answer.body);
    }
}

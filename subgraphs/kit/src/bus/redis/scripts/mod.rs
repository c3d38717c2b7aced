//! The scripts, each the only way in which what it changes is changed.

use std::sync::LazyLock;

use redis::Script;

/// A script about one group, after what all of those have in common.
macro_rules! about_a_group {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("group.lua"), include_str!($file))))
    };
}

pub(super) static TAKE: LazyLock<Script> = about_a_group!("take.lua");
pub(super) static ACK: LazyLock<Script> = about_a_group!("ack.lua");
pub(super) static FAIL: LazyLock<Script> = about_a_group!("fail.lua");
pub(super) static LETTERS: LazyLock<Script> = about_a_group!("letters.lua");
pub(super) static REPLAY: LazyLock<Script> = about_a_group!("replay.lua");
pub(super) static LEAVE: LazyLock<Script> = about_a_group!("leave.lua");
pub(super) static COUNT: LazyLock<Script> = about_a_group!("count.lua");
pub(super) static FLOOR: LazyLock<Script> = about_a_group!("floor.lua");
pub(super) static JOIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("join.lua")));
pub(super) static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("publish.lua")));
pub(super) static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));

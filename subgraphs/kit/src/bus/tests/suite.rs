//! What every engine promises.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use tokio::sync::{Barrier, Notify};

use super::*;

async fn a_group_gets_what_is_published_on_its_topics(site: impl Site) {
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let (mine, other) = (event("a", 1), Event::new("else.happened", "a", Utc::now(), &0));
    bus.publish(&[other, mine.clone()]).await.unwrap();
    let got = told(&mut seen, 1).await.remove(0);
    // The engine may keep time to the precision of JSON, which is that of the event.
    assert_eq!(got, mine);
    assert_eq!(got.data::<usize>().unwrap(), 1);
    settled(&bus, "group").await;
    assert!(seen.try_recv().is_err());
}

async fn every_group_gets_every_event(site: impl Site) {
    let bus = site.open().await;
    let (one, mut by_one) = tells();
    let (two, mut by_two) = tells();
    let _one = bus.subscribe("one", TOPICS, QUICK, one).await.unwrap();
    let _two = bus.subscribe("two", TOPICS, QUICK, two).await.unwrap();
    let events: Vec<_> = (0..20).map(|n| event("a", n)).collect();
    bus.publish(&events).await.unwrap();
    assert_eq!(ids(&told(&mut by_one, 20).await), ids(&events));
    assert_eq!(ids(&told(&mut by_two, 20).await), ids(&events));
}

async fn the_members_of_a_group_share_the_events(site: impl Site) {
    let bus = site.open().await;
    let both = Arc::new(Barrier::new(2));
    let (tell, mut seen) = mpsc::unbounded_channel();
    let member = |name: &'static str| {
        let (both, tell) = (both.clone(), tell.clone());
        Does(move |event: Event| {
            let (both, tell) = (both.clone(), tell.clone());
            async move {
                // Passed only when both members hold an event.
                both.wait().await;
                tell.send((name, event.id)).unwrap();
                Ok(())
            }
        })
    };
    let one_at_a_time = Delivery { concurrency: 1, ..QUICK };
    let _one = bus.subscribe("group", TOPICS, one_at_a_time, member("one")).await.unwrap();
    let _two = bus.subscribe("group", TOPICS, one_at_a_time, member("two")).await.unwrap();
    let events: Vec<_> = (0..20).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    let mut handled = Vec::new();
    for _ in 0..20 {
        handled.push(soon(seen.recv()).await.unwrap());
    }
    settled(&bus, "group").await;
    assert!(seen.try_recv().is_err(), "an event went to two members");
    assert_eq!(handled.iter().filter(|(name, _)| *name == "one").count(), 10);
    let mut handled: Vec<_> = handled.into_iter().map(|(_, id)| id).collect();
    handled.sort();
    assert_eq!(handled, ids(&events));
}

async fn events_of_one_key_are_handled_one_at_a_time_in_order(site: impl Site) {
    let bus = site.open().await;
    let busy: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        let (busy, tell) = (busy.clone(), tell.clone());
        async move {
            *busy.lock().entry(event.key.clone()).or_default() += 1;
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let at_once = std::mem::take(busy.lock().get_mut(&event.key).unwrap());
            tell.send((event, at_once)).unwrap();
            Ok(())
        }
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let events: Vec<_> = (0..200).map(|n| event(&format!("key-{}", n % 5), n)).collect();
    for some in events.chunks(7) {
        bus.publish(some).await.unwrap();
    }
    let mut last: HashMap<String, usize> = HashMap::new();
    for _ in 0..200 {
        let (event, at_once) = soon(seen.recv()).await.unwrap();
        assert_eq!(at_once, 1, "two events of one key at once");
        let number = event.data::<usize>().unwrap();
        if let Some(before) = last.insert(event.key, number) {
            assert_eq!(before + 5, number, "out of order");
        }
    }
}

async fn events_of_different_keys_are_handled_at_once(site: impl Site) {
    let bus = site.open().await;
    let all = Arc::new(Barrier::new(8));
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        let (all, tell) = (all.clone(), tell.clone());
        async move {
            all.wait().await;
            tell.send(event).unwrap();
            Ok(())
        }
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let events: Vec<_> = (0..8).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    told(&mut seen, 8).await;
}

async fn no_more_events_are_handled_at_once_than_allowed(site: impl Site) {
    let bus = site.open().await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let shared = (now.clone(), most.clone(), Arc::new(Barrier::new(3)));
    let handler = Does(move |_| {
        let (now, most, three) = shared.clone();
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            three.wait().await;
            tokio::task::yield_now().await;
            now.fetch_sub(1, SeqCst);
            Ok(())
        }
    });
    let _member =
        bus.subscribe("group", TOPICS, Delivery { concurrency: 3, ..QUICK }, handler).await.unwrap();
    let events: Vec<_> = (0..60).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    settled(&bus, "group").await;
    assert_eq!(most.load(SeqCst), 3);
}

async fn a_failed_event_comes_again_and_holds_up_its_key_alone(site: impl Site) {
    let bus = site.open().await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let (allowed, failures) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let gate = allowed.clone();
    let handler = Does(move |event: Event| {
        let fails = event.key == "a" && event.data == 1 && failures.fetch_add(1, SeqCst) < 2;
        let (tell, gate) = (tell.clone(), gate.clone());
        async move {
            if fails {
                // Not before the other key has gone on, so that the order below is certain.
                gate.notified().await;
            }
            tell.send(event).unwrap();
            if fails { Err(crate::Error::bug("not yet")) } else { Ok(()) }
        }
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("a", 1), event("a", 2), event("b", 3)]).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].data, 3);
    let mut rest = Vec::new();
    for _ in 0..2 {
        allowed.notify_one();
        rest.extend(told(&mut seen, 1).await);
    }
    rest.extend(told(&mut seen, 2).await);
    let numbers: Vec<_> = rest.iter().map(|event| event.data::<usize>().unwrap()).collect();
    assert_eq!(numbers, [1, 1, 1, 2]);
    settled(&bus, "group").await;
    assert!(bus.dead_letters("group", 10).await.unwrap().is_empty());
}

async fn an_event_that_always_fails_becomes_a_dead_letter_that_can_be_replayed(site: impl Site) {
    let bus = site.open().await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let handler = Does(move |event: Event| {
        tell.send(event.clone()).unwrap();
        let fails = event.data == 1 && is_broken.load(SeqCst);
        std::future::ready(if fails { Err(crate::Error::bug("the printer is on fire")) } else { Ok(()) })
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let (poison, next) = (event("a", 1), event("a", 2));
    bus.publish(&[poison.clone(), next.clone()]).await.unwrap();
    let seen_so_far = told(&mut seen, 4).await;
    assert_eq!(ids(&seen_so_far), [poison.id, poison.id, poison.id, next.id]);
    settled(&bus, "group").await;
    let letters = bus.dead_letters("group", 10).await.unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((&letter.event, &*letter.group, letter.attempts), (&poison, "group", 3));
    assert!(letter.error.contains("the printer is on fire"), "{}", letter.error);
    assert!(bus.dead_letters("other", 10).await.unwrap().is_empty());

    broken.store(false, SeqCst);
    assert!(!bus.replay("group", next.id).await.unwrap());
    assert!(bus.replay("group", poison.id).await.unwrap());
    assert_eq!(told(&mut seen, 1).await[0].id, poison.id);
    settled(&bus, "group").await;
    assert!(bus.dead_letters("group", 10).await.unwrap().is_empty());
    assert!(!bus.replay("group", poison.id).await.unwrap());
}

async fn the_log_knows_its_groups(site: impl Site) {
    let bus = site.open().await;
    assert!(bus.groups().await.unwrap().is_empty());
    for group in ["tea", "milk", "tea"] {
        bus.engine.join(group, TOPICS).await.unwrap();
    }
    assert_eq!(bus.groups().await.unwrap(), ["milk", "tea"]);
}

/// Many letters die in the same millisecond, and the one that a page ended with is replayed before the next page is asked for.
async fn dead_letters_are_turned_page_by_page_over_groups(site: impl Site) {
    let bus = site.open().await;
    let groups = ["a", "b", "c"].map(str::to_owned);
    let events: Vec<_> = (0..10).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    for group in ["a", "c"] {
        bus.engine.join(group, TOPICS).await.unwrap();
        soon(async {
            while bus.engine.take(group, 10, LEASE).await.unwrap().is_empty() {}
            for event in &events {
                bus.engine.fail(group, event.id, "no", None).await.unwrap();
            }
        })
        .await;
    }
    assert_eq!(bus.count_dead_letters(&groups).await.unwrap(), 20);
    let page = |after: Option<String>| crate::page::PageRequest::new(Some(3), after.as_deref()).unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let found = bus.dead_letter_page(&groups, page(after)).await.unwrap();
        let last = found.items.last().map(|(cursor, letter)| (cursor.to_string(), letter.clone()));
        seen.extend(found.items.iter().map(|(_, letter)| (letter.group.clone(), letter.event.id)));
        let Some((cursor, letter)) = last.filter(|_| found.more) else { break };
        assert!(bus.replay(&letter.group, letter.event.id).await.unwrap());
        after = Some(cursor);
    }
    let of = |group: &str| -> Vec<EventId> {
        seen.iter().filter(|(of, _)| of == group).map(|(_, id)| *id).collect()
    };
    assert_eq!((of("a"), of("c")), (ids(&events), ids(&events)));
    assert_eq!(bus.count_dead_letters(&groups).await.unwrap(), 14);
    let foreign = bus.dead_letter_page(&groups, page(None)).await.unwrap().items[0].0.to_string();
    let refused = bus.dead_letter_page(&groups[1..], page(Some(foreign))).await.unwrap_err();
    assert_eq!(refused.code(), crate::Code::BadUserInput);
}

async fn a_replayed_event_has_all_its_attempts_again(site: impl Site) {
    let bus = site.open().await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        tell.send(event).unwrap();
        std::future::ready(Err(crate::Error::bug("never")))
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let poison = event("a", 1);
    bus.publish(std::slice::from_ref(&poison)).await.unwrap();
    told(&mut seen, 3).await;
    settled(&bus, "group").await;
    assert!(bus.replay("group", poison.id).await.unwrap());
    told(&mut seen, 3).await;
    settled(&bus, "group").await;
    assert_eq!(bus.dead_letters("group", 10).await.unwrap()[0].attempts, 3);
    assert!(seen.try_recv().is_err());
}

async fn a_replayed_event_waits_for_the_one_of_its_key_that_is_being_handled(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let (poison, next) = (event("a", 1), event("a", 2));
    bus.publish(&[poison.clone(), next.clone()]).await.unwrap();
    assert_eq!(take_one(&bus).await.0.id, poison.id);
    bus.engine.fail("group", poison.id, "no", None).await.unwrap();
    assert_eq!(take_one(&bus).await.0.id, next.id);
    assert!(bus.replay("group", poison.id).await.unwrap());
    assert!(bus.engine.take("group", 9, LEASE).await.unwrap().is_empty());
    bus.engine.ack("group", &[next.id]).await.unwrap();
    assert_eq!(take_one(&bus).await.0.id, poison.id);
}

async fn a_panic_is_a_failure_and_the_member_lives_on(site: impl Site) {
    let bus = site.open().await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        let tell = tell.clone();
        async move {
            assert!(event.data != 1, "I cannot bear this one");
            tell.send(event).unwrap();
            Ok(())
        }
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("a", 1), event("a", 2)]).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].data, 2);
    let letters = bus.dead_letters("group", 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].error.contains("I cannot bear this one"), "{}", letters[0].error);
}

async fn a_handler_that_hangs_is_dropped_which_is_a_failure(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let handler = Does(|_| std::future::pending::<crate::Result<()>>());
    let limit = Duration::from_millis(5);
    let _member = worker::start_with(bus.engine.clone(), "group", QUICK, Arc::new(handler), limit);
    bus.publish(&[event("a", 1)]).await.unwrap();
    settled(&bus, "group").await;
    let letters = bus.dead_letters("group", 10).await.unwrap();
    assert!(letters[0].error.contains("longer than 5ms"), "{}", letters[0].error);
}

async fn an_event_published_twice_is_delivered_once(site: impl Site) {
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let (one, two) = (event("a", 1), event("a", 2));
    bus.publish(&[one.clone(), one.clone()]).await.unwrap();
    told(&mut seen, 1).await;
    settled(&bus, "group").await;
    bus.publish(&[one.clone(), two.clone()]).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].id, two.id);
    settled(&bus, "group").await;
    assert!(seen.try_recv().is_err());
    // Known again also after a restart.
    drop(_member);
    bus.close().await;
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[one, two, event("a", 3)]).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].data, 3);
}

async fn a_new_group_starts_at_the_beginning_of_the_log(site: impl Site) {
    let bus = site.open().await;
    let events: Vec<_> = (0..10).map(|n| event("a", n)).collect();
    bus.publish(&events).await.unwrap();
    let (handler, mut seen) = tells();
    let _early = bus.subscribe("early", TOPICS, QUICK, handler).await.unwrap();
    assert_eq!(ids(&told(&mut seen, 10).await), ids(&events));
    settled(&bus, "early").await;
    let (handler, mut seen) = tells();
    let _late = bus.subscribe("late", TOPICS, QUICK, handler).await.unwrap();
    assert_eq!(ids(&told(&mut seen, 10).await), ids(&events));
}

async fn a_backlog_of_any_length_is_handled_in_order(site: impl Site) {
    let bus = site.open().await;
    let events: Vec<_> = (0..10_000).map(|n| event(&format!("key-{}", n % 3), n)).collect();
    bus.publish(&events).await.unwrap();
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let mut next = [0, 1, 2];
    for event in told(&mut seen, 10_000).await {
        let number = event.data::<usize>().unwrap();
        assert_eq!(number, next[number % 3]);
        next[number % 3] += 3;
    }
    settled(&bus, "group").await;
}

async fn what_is_not_acknowledged_comes_again_after_a_crash(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let events: Vec<_> = (0..3).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    let taken = bus.engine.take("group", 2, LEASE).await.unwrap();
    assert_eq!(taken.len(), 2);
    site.crash(bus).await;

    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let mut got = ids(&told(&mut seen, 3).await);
    got.sort();
    assert_eq!(got, ids(&events));
}

async fn what_was_handled_before_an_orderly_end_does_not_come_again(site: impl Site) {
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&(0..10).map(|n| event(&format!("key-{n}"), n)).collect::<Vec<_>>()).await.unwrap();
    told(&mut seen, 10).await;
    member.stop().await;
    bus.close().await;

    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("last", 10)]).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].data, 10);
    settled(&bus, "group").await;
    assert!(seen.try_recv().is_err());
}

async fn attempts_and_dead_letters_outlive_a_restart(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let (waits, dies) = (event("a", 1), event("b", 2));
    bus.publish(&[waits.clone(), dies.clone()]).await.unwrap();
    bus.engine.take("group", 9, LEASE).await.unwrap();
    bus.engine.fail("group", waits.id, "once", Some(Duration::from_millis(1))).await.unwrap();
    bus.engine.fail("group", dies.id, "dead", None).await.unwrap();
    bus.close().await;

    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    assert_eq!(bus.lag("group").await.unwrap(), 1);
    let letters = bus.dead_letters("group", 10).await.unwrap();
    assert_eq!((letters[0].event.id, &*letters[0].error), (dies.id, "dead"));
    let (event, attempts) = take_one(&bus).await;
    assert_eq!((event.id, attempts), (waits.id, 1));
}

/// The next event that is due for the group.
async fn take_one(bus: &Bus) -> (Arc<Event>, u32) {
    soon(async {
        loop {
            if let Some(taken) = bus.engine.take("group", 1, LEASE).await.unwrap().pop() {
                return taken;
            }
            bus.engine.wait("group", Duration::from_secs(1)).await;
        }
    })
    .await
}

async fn a_lease_that_ran_out_is_offered_again_and_counts_as_an_attempt(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let lost = event("a", 1);
    bus.publish(&[lost.clone(), event("a", 2)]).await.unwrap();
    let taken = bus.engine.take("group", 9, Duration::from_millis(1)).await.unwrap();
    assert_eq!(taken.len(), 1);
    let (event, attempts) = take_one(&bus).await;
    assert_eq!((event.id, attempts), (lost.id, 1));
    // Whoever handles it at last says so, and the next of the key follows.
    bus.engine.ack("group", &[lost.id]).await.unwrap();
    assert_eq!(take_one(&bus).await.0.data, 2);
}

async fn an_event_that_takes_every_process_along_becomes_a_dead_letter(site: impl Site) {
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    bus.publish(&[event("a", 1)]).await.unwrap();
    for _ in 0..3 {
        soon(async {
            while bus.engine.take("group", 1, Duration::ZERO).await.unwrap().is_empty() {
                bus.engine.wait("group", Duration::from_secs(1)).await;
            }
        })
        .await;
    }
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    settled(&bus, "group").await;
    assert_eq!(bus.dead_letters("group", 9).await.unwrap().len(), 1);
    assert!(seen.try_recv().is_err());
}

async fn a_stop_waits_for_what_is_being_handled(site: impl Site) {
    let bus = site.open().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ended = Arc::new(AtomicBool::new(false));
    let shared = (begun.clone(), go_on.clone(), ended.clone());
    let handler = Does(move |_| {
        let (begun, go_on, ended) = shared.clone();
        async move {
            begun.notify_one();
            go_on.notified().await;
            ended.store(true, SeqCst);
            Ok(())
        }
    });
    let member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("a", 1), event("a", 2)]).await.unwrap();
    soon(begun.notified()).await;
    let mut stop = Box::pin(member.stop());
    assert!(futures::poll!(&mut stop).is_pending());
    go_on.notify_one();
    soon(stop).await;
    assert!(ended.load(SeqCst));
    assert_eq!(bus.lag("group").await.unwrap(), 1, "the first is acknowledged, the second not begun");
}

async fn a_dropped_subscription_takes_nothing_more(site: impl Site) {
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("a", 1)]).await.unwrap();
    told(&mut seen, 1).await;
    settled(&bus, "group").await;
    drop(member);
    // Its end of the channel goes when the member is gone.
    assert!(soon(seen.recv()).await.is_none());
    bus.publish(&[event("a", 2)]).await.unwrap();
    assert_eq!(bus.lag("group").await.unwrap(), 1);
}

async fn a_closed_bus_says_so(site: impl Site) {
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.close().await;
    assert!(matches!(bus.publish(&[event("a", 1)]).await, Err(BusError::Closed)));
    assert!(soon(seen.recv()).await.is_none(), "the member goes home");
    bus.close().await;
}

async fn a_topic_that_a_group_hears_of_later_is_delivered_from_the_beginning(site: impl Site) {
    const BOTH: &[&str] = &["thing.happened", "else.happened"];
    let bus = site.open().await;
    let early = Event::new("else.happened", "a", Utc::now(), &0);
    bus.publish(&[early.clone(), event("a", 1)]).await.unwrap();
    let (handler, mut seen) = tells();
    let member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].data, 1);
    member.stop().await;
    bus.close().await;

    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", BOTH, QUICK, handler).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].id, early.id);
    let late = Event::new("else.happened", "a", Utc::now(), &2);
    bus.publish(std::slice::from_ref(&late)).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].id, late.id);
    settled(&bus, "group").await;
    assert!(seen.try_recv().is_err());
}

async fn many_publishers_and_groups_at_once_lose_nothing(site: impl Site) {
    let bus = site.open().await;
    let mut groups = Vec::new();
    for group in ["one", "two", "three"] {
        let (handler, seen) = tells();
        groups.push((bus.subscribe(group, TOPICS, QUICK, handler).await.unwrap(), seen));
    }
    let publishers = (0..16).map(|publisher| {
        let bus = bus.clone();
        tokio::spawn(async move {
            for n in 0..25 {
                bus.publish(&[event(&format!("key-{publisher}"), n)]).await.unwrap();
            }
        })
    });
    for publisher in futures::future::join_all(publishers).await {
        publisher.unwrap();
    }
    for (_member, mut seen) in groups {
        let mut next: HashMap<String, usize> = HashMap::new();
        for event in told(&mut seen, 400).await {
            let next = next.entry(event.key.clone()).or_default();
            assert_eq!(event.data::<usize>().unwrap(), *next);
            *next += 1;
        }
    }
}

/// The suite on every engine: a test per promise.
macro_rules! suite {
    ([$($promise:ident),* $(,)?]) => {
        suite!(on_sqlite, SqliteSite::new(), [$($promise),*]);
        suite!(on_memory, MemorySite::default(), [$($promise),*]);
        suite!(on_redis, RedisSite::new(), [$($promise),*]);
    };
    ($engine:ident, $site:expr, [$($promise:ident),*]) => {
        mod $engine {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($site).await;
                }
            )*
        }
    };
}

suite!([
    a_group_gets_what_is_published_on_its_topics,
    every_group_gets_every_event,
    the_members_of_a_group_share_the_events,
    events_of_one_key_are_handled_one_at_a_time_in_order,
    events_of_different_keys_are_handled_at_once,
    no_more_events_are_handled_at_once_than_allowed,
    a_failed_event_comes_again_and_holds_up_its_key_alone,
    an_event_that_always_fails_becomes_a_dead_letter_that_can_be_replayed,
    the_log_knows_its_groups,
    dead_letters_are_turned_page_by_page_over_groups,
    a_replayed_event_has_all_its_attempts_again,
    a_replayed_event_waits_for_the_one_of_its_key_that_is_being_handled,
    a_panic_is_a_failure_and_the_member_lives_on,
    a_handler_that_hangs_is_dropped_which_is_a_failure,
    an_event_published_twice_is_delivered_once,
    a_new_group_starts_at_the_beginning_of_the_log,
    a_backlog_of_any_length_is_handled_in_order,
    what_is_not_acknowledged_comes_again_after_a_crash,
    what_was_handled_before_an_orderly_end_does_not_come_again,
    attempts_and_dead_letters_outlive_a_restart,
    a_lease_that_ran_out_is_offered_again_and_counts_as_an_attempt,
    an_event_that_takes_every_process_along_becomes_a_dead_letter,
    a_stop_waits_for_what_is_being_handled,
    a_dropped_subscription_takes_nothing_more,
    a_closed_bus_says_so,
    a_topic_that_a_group_hears_of_later_is_delivered_from_the_beginning,
    many_publishers_and_groups_at_once_lose_nothing,
]);

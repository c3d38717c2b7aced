/** The session of this browser. */

import { useSyncExternalStore } from "react";

import { send } from "@/lib/graphql/client";
import { keep, readKept } from "@/lib/storage";

import { Session, type SessionState } from "./session";

const NAME = "larder.session";

export const session = new Session({
  send,
  now: () => Date.now(),
  channel: typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(NAME),
  exclusively: async (task) => {
    // Without the lock (an old browser) tabs may renew at once, and one of them signs in again.
    if (!("locks" in navigator)) return task();
    return await navigator.locks.request(NAME, async () => await task());
  },
  mark: {
    get: () => readKept(NAME) === "1",
    set: (signedIn) => keep(NAME, signedIn ? "1" : null),
  },
  patienceMs: 40,
});

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, () => session.state);
}

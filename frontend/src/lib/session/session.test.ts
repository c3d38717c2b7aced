import { beforeEach, describe, expect, it, vi } from "vitest";

import { ShopDocument } from "@/gql/graphql";
import { ApiError } from "@/lib/graphql/errors";

import { Session, type Surroundings } from "./session";

const ANN = { _id: "u1", username: "ann" };
const MINUTE = 60_000;

/** A browser with tabs: one cookie, one lock, one channel; and the shop that renews a cookie's token once. */
class Browser {
  now = 1_000_000;
  cookie: number | null = null;
  marked = false;
  renewals = 0;
  /** What the shop answers to anything else, by the token. */
  accepts: (token: string | undefined) => boolean = () => true;
  down = false;
  #good: number | null = null;
  #lock: Promise<unknown> = Promise.resolve();
  readonly #tabs: ((message: unknown) => void)[] = [];

  signedIn(): this {
    this.cookie = this.#good = 1;
    this.marked = true;
    return this;
  }

  /** Ends the sign-in on the server. */
  end() {
    this.#good = null;
  }

  tab({ channel = true } = {}): Session {
    const listeners: ((event: MessageEvent<unknown>) => void)[] = [];
    const own = (data: unknown) => listeners.forEach((listener) => listener({ data } as MessageEvent));
    this.#tabs.push(own);
    const around = {
      send: this.#send,
      now: () => this.now,
      channel: channel
        ? {
            postMessage: (data: unknown) =>
              this.#tabs
                .filter((tab) => tab !== own)
                .forEach((tab) => void Promise.resolve().then(() => tab(data))),
            addEventListener: (_: string, listener: (event: MessageEvent<unknown>) => void) =>
              listeners.push(listener),
          }
        : null,
      exclusively: <T>(task: () => Promise<T>) => {
        const done = this.#lock.then(task, task);
        this.#lock = done.catch(() => undefined);
        return done;
      },
      mark: { get: () => this.marked, set: (marked: boolean) => (this.marked = marked) },
      patienceMs: 5,
    };
    return new Session(around as unknown as Surroundings);
  }

  #send = async (document: { toString(): string }, _: unknown, { token }: { token?: string } = {}) => {
    const name = /(?:query|mutation) (\w+)/.exec(document.toString())?.[1];
    // The cookie that goes out is the one of this moment; the answer takes its time.
    const shown = this.cookie;
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (this.down) throw new ApiError("NETWORK", "down");
    if (name === "Renew") {
      this.renewals += 1;
      if (shown === null || shown !== this.#good) {
        // A token that is used twice ends the sign-in.
        this.#good = null;
        throw new ApiError("UNAUTHENTICATED", "no");
      }
      this.cookie = this.#good = shown + 1;
      return { data: { refreshToken: this.#tokens() }, missing: [] };
    }
    if (name === "Login") {
      this.cookie = this.#good = 100;
      return { data: { login: this.#tokens() }, missing: [] };
    }
    if (name === "Logout") {
      this.cookie = this.#good = null;
      return { data: { logout: true }, missing: [] };
    }
    if (!this.accepts(token)) throw new ApiError("UNAUTHENTICATED", "no");
    return { data: { shop: { name: token } }, missing: [] };
  };

  #tokens() {
    const expires = new Date(this.now + 15 * MINUTE).toISOString();
    return { access_token: `t${this.cookie ?? 0}`, expires_at: expires, user: ANN };
  }
}

let browser: Browser;
beforeEach(() => {
  browser = new Browser();
});

describe("a session", () => {
  it("asks nothing for whoever never signed in", async () => {
    const tab = browser.tab();
    await tab.resume();
    expect([tab.state.status, browser.renewals]).toEqual(["anonymous", 0]);
  });

  it("goes on where an earlier visit left off", async () => {
    const tab = browser.signedIn().tab();
    expect(tab.state.status).toBe("unknown");
    await tab.resume();
    expect(tab.state).toEqual({ status: "signed-in", person: ANN });
  });

  it("renews once, however many ask at once", async () => {
    const tab = browser.signedIn().tab();
    const tokens = await Promise.all([tab.token(), tab.token(), tab.token()]);
    expect([tokens, browser.renewals]).toEqual([["t2", "t2", "t2"], 1]);
  });

  it("renews a token before it ends, and no sooner", async () => {
    const tab = browser.signedIn().tab();
    await tab.token();
    browser.now += 14 * MINUTE;
    expect(await tab.token()).toBe("t2");
    browser.now += MINUTE;
    expect(await tab.token()).toBe("t3");
  });

  it("is not ended by two tabs that open at once", async () => {
    browser.signedIn();
    const tabs = [browser.tab(), browser.tab(), browser.tab()];
    await Promise.all(tabs.map((tab) => tab.resume()));
    expect(tabs.map((tab) => tab.state.status)).toEqual(["signed-in", "signed-in", "signed-in"]);
    expect(browser.renewals, "one renews, and tells the others").toBe(1);
  });

  it("is told of by a tab that is open, so that one that opens later renews nothing", async () => {
    const open = browser.signedIn().tab();
    await open.resume();
    const later = browser.tab();
    expect(await later.token()).toBe("t2");
    expect(browser.renewals).toBe(1);
  });

  it("is not ended by two tabs that cannot talk to each other", async () => {
    browser.signedIn();
    const tabs = [browser.tab({ channel: false }), browser.tab({ channel: false })];
    await Promise.all(tabs.map((tab) => tab.resume()));
    expect(tabs.map((tab) => tab.state.status)).toEqual(["signed-in", "signed-in"]);
    expect(browser.renewals).toBe(2);
  });

  it("ends in every tab when it is ended in one", async () => {
    browser.signedIn();
    const [one, two] = [browser.tab(), browser.tab()];
    await Promise.all([one.resume(), two.resume()]);
    await one.logout();
    await vi.waitFor(() => expect(two.state.status).toBe("anonymous"));
    expect([one.state.status, browser.marked, browser.cookie]).toEqual(["anonymous", false, null]);
  });

  it("begins in every tab when somebody signs in in one", async () => {
    const [one, two] = [browser.tab(), browser.tab()];
    await one.login("ann", "secret");
    await vi.waitFor(() => expect(two.state).toEqual({ status: "signed-in", person: ANN }));
  });

  it("is over when the shop says so", async () => {
    const tab = browser.signedIn().tab();
    browser.end();
    await tab.resume();
    expect([tab.state.status, browser.marked]).toEqual(["anonymous", false]);
  });

  it("is not over when the shop cannot be reached, and goes on when it can", async () => {
    const tab = browser.signedIn().tab();
    browser.down = true;
    await tab.resume();
    expect([tab.state.status, browser.marked]).toEqual(["unknown", true]);
    browser.down = false;
    expect(await tab.token()).toBe("t2");
  });

  it("renews a token that the shop does not take any more, and sends again", async () => {
    const tab = browser.signedIn().tab();
    await tab.token();
    browser.accepts = (token) => token === "t3";
    const { data } = await tab.send(ShopDocument, {});
    expect([data.shop.name, browser.renewals]).toEqual(["t3", 2]);
  });

  it("gives up where the renewed token is not taken either", async () => {
    const tab = browser.signedIn().tab();
    browser.accepts = () => false;
    await expect(tab.send(ShopDocument, {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(browser.renewals).toBe(2);
  });
});

/**
 * Who is signed in, and the access token that says so. The token is in memory only; what renews it is a cookie that no script can read,
 * so nothing that could be stolen is in any storage. A refresh token is good once, and showing it twice ends the sign-in: tabs take
 * turns (a lock of the browser), and whoever has a token that still holds tells the others instead of letting them renew.
 */

import { LoginDocument, LogoutDocument, RegisterDocument, RenewDocument } from "@/gql/graphql";
import { send, type Outcome } from "@/lib/graphql/client";
import { ApiError, asApiError } from "@/lib/graphql/errors";

export interface Person {
  _id: string;
  username: string;
}

export type SessionState =
  /** There may be a sign-in of an earlier visit; it is being asked for. */
  | { status: "unknown"; person: Person | null }
  | { status: "anonymous"; person: null }
  | { status: "signed-in"; person: Person };

interface Held {
  token: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  person: Person;
}

type Message = { kind: "ask" } | { kind: "token"; held: Held } | { kind: "signed-out" };

/** What the session needs of the browser; tests bring their own. */
export interface Surroundings {
  send: typeof send;
  now: () => number;
  channel: Pick<BroadcastChannel, "postMessage" | "addEventListener"> | null;
  /** Runs a task while no other tab runs one. */
  exclusively: <T>(task: () => Promise<T>) => Promise<T>;
  /** Remembers whether a sign-in is worth asking for: a mark, no secret. */
  mark: { get: () => boolean; set: (signedIn: boolean) => void };
  /** How long other tabs may take to say that they have a token. */
  patienceMs: number;
}

/** A token that ends sooner is renewed before it is used: an operation must not outlive it on its way. */
const MARGIN_MS = 30_000;

export class Session {
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  #state: SessionState;
  #held: Held | null = null;
  #renewal: Promise<string | null> | null = null;
  /** Raised by each sign-in and sign-out, so that an answer to an earlier question changes nothing. */
  #turn = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#state = around.mark.get()
      ? { status: "unknown", person: null }
      : { status: "anonymous", person: null };
    around.channel?.addEventListener("message", (event: MessageEvent<Message>) => this.#hear(event.data));
  }

  get state(): SessionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Finds out whether the sign-in of an earlier visit still holds. */
  async resume(): Promise<void> {
    if (this.#state.status === "unknown") await this.token().catch(() => null);
  }

  async login(username: string, password: string): Promise<Person> {
    const { data } = await this.#around.send(LoginDocument, { input: { username, password } });
    return this.#signedIn(data.login);
  }

  async register(username: string, password: string): Promise<Person> {
    const { data } = await this.#around.send(RegisterDocument, { input: { username, password } });
    return this.#signedIn(data.registerUser);
  }

  /** Signs out here and in every tab, also where the shop cannot be told now. */
  async logout(): Promise<void> {
    try {
      await this.#around.exclusively(() => this.#around.send(LogoutDocument, {}, { keepalive: true }));
    } finally {
      this.#signedOut(true);
    }
  }

  /** A token that holds, renewed where it must be; null for nobody. */
  async token(): Promise<string | null> {
    if (this.#held && this.#holds(this.#held)) return this.#held.token;
    if (this.#state.status === "anonymous") return null;
    this.#renewal ??= this.#around
      .exclusively(() => this.#renew())
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  /** Sends an operation as whoever is signed in; a token that the shop does not take any more is renewed once. */
  async send<T, V>(
    document: Parameters<typeof send<T, V>>[0],
    variables: V,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Outcome<T>> {
    const token = await this.token();
    if (token === null) throw new ApiError("UNAUTHENTICATED", "Nobody is signed in.");
    try {
      return await this.#around.send(document, variables, { ...options, token });
    } catch (error) {
      if (asApiError(error).code !== "UNAUTHENTICATED") throw error;
      if (this.#held?.token === token) this.#held = null;
      const renewed = await this.token();
      if (renewed === null) throw error;
      return this.#around.send(document, variables, { ...options, token: renewed });
    }
  }

  async #renew(): Promise<string | null> {
    const before = this.#turn;
    await this.#askOthers();
    if (this.#held && this.#holds(this.#held)) return this.#held.token;
    if (this.#turn !== before && this.#state.status === "anonymous") return null;
    try {
      const { data } = await this.#around.send(RenewDocument, {}, { keepalive: true });
      if (this.#turn !== before) return this.#held?.token ?? null;
      this.#signedIn(data.refreshToken);
      return this.#held?.token ?? null;
    } catch (error) {
      const refused = asApiError(error);
      // Whatever else goes wrong says nothing about the sign-in: it is asked for again when it is needed.
      if (refused.code !== "UNAUTHENTICATED") throw error;
      if (this.#turn === before) this.#signedOut(false);
      return null;
    }
  }

  /** Gives other tabs a moment to say that they have a token. */
  async #askOthers(): Promise<void> {
    const channel = this.#around.channel;
    if (!channel) return;
    await new Promise<void>((resolve) => {
      const stop = this.subscribe(() => {
        if (this.#held && this.#holds(this.#held)) done();
      });
      const timer = setTimeout(done, this.#around.patienceMs);
      function done() {
        clearTimeout(timer);
        stop();
        resolve();
      }
      channel.postMessage({ kind: "ask" } satisfies Message);
    });
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case "ask":
        if (this.#held && this.#holds(this.#held)) this.#tell({ kind: "token", held: this.#held });
        break;
      case "token":
        this.#take(message.held);
        break;
      case "signed-out":
        this.#signedOut(false);
        break;
    }
  }

  #holds(held: Held): boolean {
    return held.expiresAt - this.#around.now() > MARGIN_MS;
  }

  #signedIn(result: { access_token: string; expires_at: string; user: Person } | null): Person {
    if (!result) throw new ApiError("UNKNOWN", "The answer has no data.");
    const held = {
      token: result.access_token,
      expiresAt: Date.parse(result.expires_at),
      person: result.user,
    };
    this.#take(held);
    this.#tell({ kind: "token", held });
    return held.person;
  }

  #take(held: Held): void {
    this.#turn += 1;
    this.#held = held;
    this.#around.mark.set(true);
    this.#change({ status: "signed-in", person: held.person });
  }

  #signedOut(tell: boolean): void {
    this.#turn += 1;
    this.#held = null;
    this.#around.mark.set(false);
    if (tell) this.#tell({ kind: "signed-out" });
    this.#change({ status: "anonymous", person: null });
  }

  #tell(message: Message): void {
    this.#around.channel?.postMessage(message);
  }

  #change(state: SessionState): void {
    const same = this.#state.status === state.status && this.#state.person?._id === state.person?._id;
    if (!same) this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** The one way to the graph: a POST with a deadline, typed by its document, whose errors are `ApiError`s. */

import type { TypedDocumentString } from "@/gql/graphql";

import { ApiError, readError, record } from "./errors";

/** Longer than the router lets any request run (20 s), so that its own answer is heard. */
const DEADLINE_MS = 22_000;

export interface Options {
  /** The access token to send; nothing is sent without one. */
  token?: string | undefined;
  signal?: AbortSignal | undefined;
  deadlineMs?: number;
  /** Goes on when the page is left, so that the cookie of its answer is kept. */
  keepalive?: boolean;
}

export interface Outcome<T> {
  data: T;
  /** Parts that are missing from `data`: null there, for the reason here. */
  missing: readonly ApiError[];
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * Sends an operation. What can be shown without a part that failed is answered with that part in `missing`; where no root field has a
 * value, its error is thrown.
 */
export async function send<T, V>(
  document: TypedDocumentString<T, V>,
  variables: V,
  options: Options = {},
  fetcher: Fetch = (input, init) => fetch(input, init),
): Promise<Outcome<T>> {
  const body = await post(JSON.stringify({ query: document.toString(), variables }), options, fetcher);
  const errors = Array.isArray(body["errors"]) ? body["errors"].map(readError) : [];
  const data = record(body["data"]);
  const values = Object.values(data);
  const first = errors[0];
  if (first && values.every((value) => value === null)) throw first;
  if (values.length === 0) throw new ApiError("UNKNOWN", "The answer has no data.");
  // The types are made from the schema that the server validates its answers against.
  return { data: data as T, missing: errors };
}

async function post(body: string, options: Options, fetcher: Fetch): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), options.deadlineMs ?? DEADLINE_MS);
  const leave = () => late.abort();
  options.signal?.addEventListener("abort", leave);
  try {
    const response = await fetcher("/graphql", {
      method: "POST",
      headers,
      body,
      signal: late.signal,
      credentials: "same-origin",
      keepalive: options.keepalive ?? false,
    });
    return await read(response);
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted === true) throw error;
    if (late.signal.aborted) throw new ApiError("TIMEOUT", "The shop did not answer in time.");
    throw new ApiError("NETWORK", "The shop could not be reached.");
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", leave);
  }
}

/** Every answer of the router is JSON, refusals too; what is not comes from something before it. */
async function read(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    return record(JSON.parse(text));
  } catch {
    throw new ApiError(
      response.status >= 500 ? "UNAVAILABLE" : "UNKNOWN",
      `The answer is no JSON (${response.status}).`,
    );
  }
}

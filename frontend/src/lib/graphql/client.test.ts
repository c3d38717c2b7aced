import { describe, expect, it, vi } from "vitest";

import { HomeDocument, PlaceOrderDocument, ShopDocument } from "@/gql/graphql";

import { send, type Fetch } from "./client";
import type { ApiError } from "./errors";

const answering =
  (body: unknown, status = 200): Fetch =>
  () =>
    Promise.resolve(new Response(typeof body === "string" ? body : JSON.stringify(body), { status }));

const error = (code: string, more: object = {}) => ({
  data: { placeOrder: null },
  errors: [{ message: "No.", path: ["placeOrder"], extensions: { code, ...more } }],
});

async function refused(fetcher: Fetch): Promise<ApiError> {
  const sent = send(PlaceOrderDocument, { products: [], idempotencyKey: "k" }, { deadlineMs: 20 }, fetcher);
  return sent.then(
    () => expect.fail("it was answered"),
    (reason: unknown) => reason as ApiError,
  );
}

describe("the client", () => {
  it("sends the document, the variables and the token, and gives the data", async () => {
    const fetcher = vi.fn(answering({ data: { shop: { name: "Larder", currency: "EUR", exponent: 2 } } }));
    const { data } = await send(ShopDocument, {}, { token: "t" }, fetcher);
    expect(data.shop.currency).toBe("EUR");
    const [path, init] = fetcher.mock.calls[0]!;
    expect(path).toBe("/graphql");
    expect(init.headers).toMatchObject({ authorization: "Bearer t", "content-type": "application/json" });
    expect(JSON.parse(String(init.body))).toMatchObject({
      query: expect.stringContaining("query Shop") as string,
    });
  });

  it("sends no credentials where it has none", async () => {
    const fetcher = vi.fn(answering({ data: { shop: { name: "Larder", currency: "EUR", exponent: 2 } } }));
    await send(ShopDocument, {}, {}, fetcher);
    expect(fetcher.mock.calls[0]![1].headers).not.toHaveProperty("authorization");
  });

  it.each([
    ["OUT_OF_STOCK", false],
    ["UNAVAILABLE", true],
    ["RATE_LIMITED", true],
    ["BAD_USER_INPUT", false],
  ] as const)("knows %s by its code, and whether to try again", async (code, retryable) => {
    const refusal = await refused(answering(error(code)));
    expect([refusal.code, refusal.retryable]).toEqual([code, retryable]);
  });

  it("reads what an error says beyond its code, and nothing that is malformed", async () => {
    const shortages = [{ _id: "p1", requested: 3, available: 1 }, "nonsense"];
    const refusal = await refused(
      answering(
        error("OUT_OF_STOCK", { shortages, fields: [{ field: "input.username", message: "Too short." }] }),
      ),
    );
    expect(refusal.shortages[0]).toEqual(shortages[0]);
    expect(refusal.of("username")).toBe("Too short.");
    expect((await refused(answering({ errors: ["?"] }))).code).toBe("UNKNOWN");
    expect((await refused(answering(error("MADE_UP")))).code).toBe("UNKNOWN");
  });

  it("gives what there is where a part is missing, and says what", async () => {
    const home = { categories: [], newest: { nodes: [] }, small: null };
    const errors = [{ message: "Away.", path: ["small"], extensions: { code: "UNAVAILABLE" } }];
    const { data, missing } = await send(HomeDocument, { cheap: 1 }, {}, answering({ data: home, errors }));
    expect(data.newest?.nodes).toEqual([]);
    expect(missing.map(({ code, path }) => [code, path])).toEqual([["UNAVAILABLE", ["small"]]]);
  });

  it("tells a shop that cannot be reached from one that is slow and one that is no shop", async () => {
    expect((await refused(() => Promise.reject(new TypeError("failed")))).code).toBe("NETWORK");
    const never: Fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    expect((await refused(never)).code).toBe("TIMEOUT");
    expect((await refused(answering("<html>", 502))).code).toBe("UNAVAILABLE");
  });
});

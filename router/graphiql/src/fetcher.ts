import type { Fetcher, FetcherParams, FetcherOpts } from "@graphiql/toolkit";

/** Sends one operation to the router. Empty headers are left out, so that an empty `Authorization` means no token. */
export const fetcher: Fetcher = async (params: FetcherParams, options?: FetcherOpts) => {
  const given = Object.entries(options?.headers ?? {}) as [string, unknown][];
  const headers = given.filter((header): header is [string, string] => {
    const value = header[1];
    return typeof value === "string" && value.trim() !== "";
  });
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { ...Object.fromEntries(headers), "content-type": "application/json" },
    body: JSON.stringify(params),
  });
  return response.json();
};

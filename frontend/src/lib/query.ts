/** Operations as queries: cached, repeated where that may help, shown with what is missing. */

import { QueryClient, useQuery, type UseQueryResult } from "@tanstack/react-query";

import type { TypedDocumentString } from "@/gql/graphql";

import { send, type Outcome } from "./graphql/client";
import { asApiError } from "./graphql/errors";
import { session } from "./session/browser";

/** How often a question is repeated that the shop could not answer. */
const REPEATS = 2;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Prices and stock are looked at again when a page is come back to; the shop's own cache answers that.
        staleTime: 15_000,
        gcTime: 15 * 60_000,
        retry: (count, error) => count < REPEATS && asApiError(error).retryable,
        retryDelay: (count, error) => (asApiError(error).retryAfter ?? 0.4 * 2 ** count) * 1000,
      },
      mutations: { retry: false },
    },
  });
}

type Document<T, V> = TypedDocumentString<T, V>;

/** What everybody gets, so that nothing of the caller is sent and the shop may answer from its cache. */
export function publicQuery<T, V>(name: string, document: Document<T, V>, variables: V) {
  return {
    queryKey: [name, variables] as const,
    queryFn: ({ signal }: { signal: AbortSignal }) => send(document, variables, { signal }),
  };
}

/** What only its owner gets; kept apart by person, so that nobody sees what the one before them saw. */
export function ownQuery<T, V>(person: string, name: string, document: Document<T, V>, variables: V) {
  return {
    queryKey: ["own", person, name, variables] as const,
    queryFn: ({ signal }: { signal: AbortSignal }) => session.send(document, variables, { signal }),
  };
}

export function usePublic<T, V>(
  name: string,
  document: Document<T, V>,
  variables: V,
  enabled = true,
): UseQueryResult<Outcome<T>> {
  return useQuery({ ...publicQuery(name, document, variables), enabled });
}

import type { ReactNode } from "react";
import { Navigate, useLocation } from "react-router";

import type { Person } from "@/lib/session/session";
import { useSession } from "@/lib/session/browser";

interface Props {
  /** What stands there while it is being found out who is here. */
  waiting: ReactNode;
  children: (person: Person) => ReactNode;
}

/** What is for somebody who is signed in; whoever is not signs in first and comes back. */
export function SignedIn({ waiting, children }: Props) {
  const { status, person } = useSession();
  const { pathname, search } = useLocation();
  if (status === "unknown") return waiting;
  if (person === null) {
    return <Navigate to={`/login?${new URLSearchParams({ next: pathname + search }).toString()}`} replace />;
  }
  return children(person);
}

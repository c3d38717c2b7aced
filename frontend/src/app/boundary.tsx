import { Component, type ReactNode } from "react";

import { Failure } from "@/components/ui/failure";

interface Props {
  /** Another one is another page: what failed before is forgotten. */
  place: string;
  children: ReactNode;
}

interface State {
  place: string;
  error: unknown;
}

/** A page that failed in itself, or whose code could not be fetched, does not take the rest with it. */
export class Boundary extends Component<Props, State> {
  override state: State = { place: this.props.place, error: null };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error };
  }

  static getDerivedStateFromProps({ place }: Props, state: State): State | null {
    return place === state.place ? null : { place, error: null };
  }

  override render(): ReactNode {
    // The code of a page is asked for once; only the page as a whole asks again.
    if (this.state.error !== null)
      return <Failure error={this.state.error} retry={() => location.reload()} />;
    return this.props.children;
  }
}

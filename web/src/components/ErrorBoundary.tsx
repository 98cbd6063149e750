import { Component, type ReactNode } from "react";
import { Trouble } from "./states";

/** Keeps a fault in one part from taking the whole page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return <Trouble error={this.state.error} onRetry={() => location.reload()} />;
  }
}

import { Component, type ComponentType, createElement, type FunctionComponent } from "preact";

/**
 * A component that is made again only when one of its properties is another one. One that fails shows `fallback` instead, and takes
 * nothing else down with it.
 */
export function memo<P extends object>(inner: FunctionComponent<P>, fallback: FunctionComponent): ComponentType<P> {
    return class Memo extends Component<P> {
        shouldComponentUpdate(next: P, state: { failed: boolean }): boolean {
            if (state.failed !== this.state.failed) return true;
            const names = new Set([...Object.keys(next), ...Object.keys(this.props)]) as Set<keyof P>;
            return [...names].some((name) => next[name] !== (this.props as P)[name]);
        }
        state = { failed: false };
        componentDidCatch(error: Error): void {
            console.warn(error.message);
            this.setState({ failed: true });
        }
        componentDidUpdate(before: P): void {
            if (this.state.failed && before !== this.props) this.setState({ failed: false });
        }
        render() {
            return this.state.failed ? createElement(fallback, null) : createElement(inner, this.props as P);
        }
    };
}

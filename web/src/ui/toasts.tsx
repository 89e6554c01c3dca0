import { useChat } from "./context";

/** The region is always there, so that screen readers tell what comes into it; `shown` says whether it is this one that has it. */
export function Toasts({ shown }: { shown: boolean }) {
    const chat = useChat();
    return (
        <div class="toasts" role="status" aria-live="polite">
            {shown &&
                chat.toasts.value.map((toast) => (
                    <p key={toast.id} class={toast.bad ? "toast bad" : "toast"}>
                        {toast.text}
                    </p>
                ))}
        </div>
    );
}

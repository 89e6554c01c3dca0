import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Chat } from "../model/chat";

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
    return useContext(ChatContext)!;
}

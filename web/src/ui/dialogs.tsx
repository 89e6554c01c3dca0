import { useChat } from "./context";
import { RecoveryDialog, VerifyDialog } from "./keys";
import { LogOutDialog } from "./log-out";
import { CreateDialog, InviteDialog, JoinDialog } from "./new-room";
import { ShortcutsDialog, SwitcherDialog, ViewerDialog } from "./overlays";
import { LeaveDialog, RedactDialog, RemoveDialog } from "./question";
import { SettingsDialog } from "./settings";

export function Dialogs() {
    const chat = useChat();
    const dialog = chat.dialog.value;
    const close = () => (chat.dialog.value = null);
    switch (dialog?.kind) {
        case "create":
            return <CreateDialog direct={dialog.direct} space={dialog.space} parent={dialog.parent} onClose={close} />;
        case "join":
            return <JoinDialog address={dialog.address} via={dialog.via} onClose={close} />;
        case "invite":
            return <InviteDialog roomId={dialog.roomId} onClose={close} />;
        case "leave":
            return <LeaveDialog roomId={dialog.roomId} onClose={close} />;
        case "log-out":
            return <LogOutDialog onClose={close} />;
        case "redact":
            return <RedactDialog event={dialog.event} onClose={close} />;
        case "remove":
            return <RemoveDialog how={dialog.how} roomId={dialog.roomId} userId={dialog.userId} onClose={close} />;
        case "settings":
            return <SettingsDialog onClose={close} />;
        case "shortcuts":
            return <ShortcutsDialog onClose={close} />;
        case "switcher":
            return <SwitcherDialog onClose={close} />;
        case "verify":
            return <VerifyDialog onClose={close} />;
        case "recovery":
            return <RecoveryDialog mode={dialog.mode} onClose={close} />;
        case "viewer":
            return <ViewerDialog eventId={dialog.eventId} onClose={close} />;
        default:
            return null;
    }
}

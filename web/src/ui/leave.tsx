import { leave } from "../model/actions";
import { t } from "../text";
import { Dialog } from "./bits";
import { useChat } from "./context";

/** Of a room that is not open to everybody nothing is left afterwards: that is asked once more. */
export function LeaveDialog({ roomId, onClose }: { roomId: string; onClose: () => void }) {
    const chat = useChat();
    const room = chat.room(roomId);
    const act = () => {
        onClose();
        void leave(chat, roomId);
    };
    return (
        <Dialog
            title={t("leave_room", { name: room?.name ?? roomId })}
            onClose={onClose}
            footer={
                <>
                    <button type="button" class="secondary" onClick={onClose}>
                        {t("cancel")}
                    </button>
                    <button type="button" class="primary danger" autofocus onClick={act}>
                        {t("leave")}
                    </button>
                </>
            }
        >
            <p>{room?.getJoinRule() === "public" ? t("leave_public") : t("leave_private")}</p>
        </Dialog>
    );
}

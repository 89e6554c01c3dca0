#include "store/postgres/sql.h"

enum { TEXT = 25, INT2 = 21, INT8 = 20, TEXTS = 1009, INT2S = 1005, INT8S = 1016 }; /* types, as PostgreSQL numbers them */

/* A slot's row is written by every commit: with room in its page for new versions, no index is touched. */
const char sql_base[] =
    "CREATE SCHEMA IF NOT EXISTS rookery;"
    "CREATE TABLE IF NOT EXISTS rookery.shard_meta (name text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL);"
    "COMMENT ON TABLE rookery.shard_meta IS 'settings of the shard and, where slot 0 lives, of the whole store';"
    "CREATE TABLE IF NOT EXISTS rookery.shard_slot (slot smallint PRIMARY KEY, state text NOT NULL DEFAULT 'live', "
    "position bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL DEFAULT 0) WITH (fillfactor = 10);"
    "COMMENT ON TABLE rookery.shard_slot IS 'the slots that live in this shard, and where each stands';"
    "CREATE OR REPLACE FUNCTION rookery.advance(slots smallint[], predecessors bigint[], firsts bigint[], positions bigint[], epochs "
    "bigint[]) "
    "RETURNS void LANGUAGE plpgsql AS $$ DECLARE moved bigint; BEGIN "
    "UPDATE rookery.shard_slot s SET position = w.position, epoch = w.epoch "
    "FROM unnest(slots, predecessors, firsts, positions, epochs) w(slot, predecessor, first, position, epoch) "
    "WHERE s.slot = w.slot AND s.state = 'live' AND s.position = w.predecessor AND s.epoch <= w.first; "
    "GET DIAGNOSTICS moved = ROW_COUNT; "
    "IF moved <> cardinality(slots) THEN RAISE EXCEPTION 'a slot stands elsewhere' USING ERRCODE = '" SQL_FENCED "'; END IF; "
    "END $$;"
    "ALTER TABLE rookery.shard_slot ADD COLUMN IF NOT EXISTS moved_to text NOT NULL DEFAULT '';"
    "COMMENT ON COLUMN rookery.shard_slot.state IS 'live; copying: it is on its way here; moved: it lives in the shard of the id moved_to';"
    "CREATE TABLE IF NOT EXISTS rookery.shard_change (number bigserial PRIMARY KEY, slot smallint NOT NULL, gone boolean NOT NULL, "
    "of text NOT NULL, what jsonb NOT NULL);"
    "COMMENT ON TABLE rookery.shard_change IS 'changes of a slot that is on its way to another shard';"
    "CREATE OR REPLACE FUNCTION rookery.note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP = 'DELETE' THEN INSERT INTO rookery.shard_change (slot, gone, of, what) VALUES (OLD.slot, true, TG_TABLE_NAME, "
    "to_jsonb(OLD)); "
    "ELSE INSERT INTO rookery.shard_change (slot, gone, of, what) VALUES (NEW.slot, false, TG_TABLE_NAME, to_jsonb(NEW)); END IF; "
    "RETURN NULL; END $$;"
    "COMMENT ON FUNCTION rookery.advance IS 'commits only what follows: each slot must stand at its predecessor, in no newer epoch';";

static const char *type_of(const struct column *c)
{
    return c->type == CELL_STR ? "text COLLATE \"C\"" : "bigint";
}

static void column(struct buf *b, const struct column *c)
{
    buf_printf(b, "\"%s\" %s NOT NULL", c->name, type_of(c));
    if (!c->key) buf_printf(b, " DEFAULT %s", c->type == CELL_STR ? "''" : "0");
}

/* "a", "b", "c"; with what stands before and behind each name. */
static void names(struct buf *b, const struct table_info *t, unsigned from, unsigned to, const char *before, const char *behind)
{
    for (unsigned i = from; i < to; i++)
        buf_printf(b, "%s%s\"%s\"%s", i > from ? ", " : "", before, t->column[i].name, behind);
}

static void or_replace(struct buf *b, const struct table_info *t)
{
    buf_add(b, STR(" ON CONFLICT (slot, "));
    names(b, t, 0, t->keys, "", "");
    buf_add(b, t->keys < t->columns ? STR(") DO UPDATE SET ") : STR(") DO NOTHING"));
    for (unsigned i = t->keys; i < t->columns; i++)
        buf_printf(b, "%s\"%s\" = excluded.\"%s\"", i > t->keys ? ", " : "", t->column[i].name, t->column[i].name);
}

static void same_key(struct buf *b, const struct table_info *t)
{
    for (unsigned i = 0; i < t->keys; i++)
        buf_printf(b, " AND t.\"%s\" = w.\"%s\"", t->column[i].name, t->column[i].name);
}

void sql_create_table(struct buf *out, enum table t)
{
    const struct table_info *info = store_table(t);
    buf_printf(out, "CREATE TABLE IF NOT EXISTS rookery.\"%s\" (slot smallint NOT NULL, ", info->name);
    for (unsigned i = 0; i < info->columns; i++) {
        column(out, &info->column[i]);
        buf_add(out, STR(", "));
    }
    buf_add(out, STR("PRIMARY KEY (slot, "));
    names(out, info, 0, info->keys, "", "");
    buf_printf(out, "));COMMENT ON TABLE rookery.\"%s\" IS '", info->name);
    for (const char *c = info->purpose; *c; c++) {
        if (*c == '\'') buf_byte(out, '\'');
        buf_byte(out, *c);
    }
    buf_add(out, STR("';"));
}

void sql_add_column(struct buf *out, enum table t, unsigned at)
{
    buf_printf(out, "ALTER TABLE rookery.\"%s\" ADD COLUMN IF NOT EXISTS ", store_table(t)->name);
    column(out, &store_table(t)->column[at]);
    buf_byte(out, ';');
}

/* --- moving a slot --- */

void sql_note_changes(struct buf *out, enum table t, unsigned slot, bool gone)
{
    buf_printf(
        out,
        "CREATE OR REPLACE TRIGGER %s AFTER %s ON rookery.\"%s\" FOR EACH ROW WHEN (%s.slot = %u%s) EXECUTE FUNCTION rookery.note_change()",
        gone ? "rookery_move_del" : "rookery_move_put", gone ? "DELETE" : "INSERT OR UPDATE", store_table(t)->name, gone ? "OLD" : "NEW",
        slot, gone ? " AND current_setting('rookery.forgets', true) IS DISTINCT FROM 'on'" : "");
}

void sql_copy(struct buf *out, enum table t, unsigned slot, bool in)
{
    const struct table_info *info = store_table(t);
    buf_printf(out, in ? "COPY rookery.\"%s\" (slot, " : "COPY (SELECT slot, ", info->name);
    names(out, info, 0, info->columns, "", "");
    if (in)
        buf_add(out, STR(") FROM STDIN (FORMAT binary)"));
    else
        buf_printf(out, " FROM rookery.\"%s\" WHERE slot = %u) TO STDOUT (FORMAT binary)", info->name, slot);
}

void sql_repeat(struct buf *out, enum table t, bool gone)
{
    const struct table_info *info = store_table(t);
    if (gone) {
        buf_printf(out, "DELETE FROM rookery.\"%s\" t USING jsonb_populate_record(NULL::rookery.\"%s\", $1) w WHERE t.slot = w.slot",
                   info->name, info->name);
        same_key(out, info);
    } else {
        buf_printf(out, "INSERT INTO rookery.\"%s\" SELECT * FROM jsonb_populate_record(NULL::rookery.\"%s\", $1)", info->name, info->name);
        or_replace(out, info);
    }
}

/* --- writing rows --- */

static void arrays(struct sql *q, const struct table_info *t, unsigned columns)
{
    q->type[q->params++] = INT2S;
    for (unsigned i = 0; i < columns; i++)
        q->type[q->params++] = t->column[i].type == CELL_STR ? TEXTS : INT8S;
    buf_add(&q->text, STR("unnest("));
    for (int i = 1; i <= q->params; i++)
        buf_printf(&q->text, "%s$%d", i > 1 ? ", " : "", i);
    buf_byte(&q->text, ')');
}

static void put(struct sql *q, const struct table_info *t)
{
    buf_printf(&q->text, "INSERT INTO rookery.\"%s\" (slot, ", t->name);
    names(&q->text, t, 0, t->columns, "", "");
    buf_add(&q->text, STR(") SELECT * FROM "));
    arrays(q, t, t->columns);
    or_replace(&q->text, t);
}

static void del(struct sql *q, const struct table_info *t)
{
    buf_printf(&q->text, "DELETE FROM rookery.\"%s\" t USING ", t->name);
    arrays(q, t, t->keys);
    buf_add(&q->text, STR(" w(slot, "));
    names(&q->text, t, 0, t->keys, "", "");
    buf_add(&q->text, STR(") WHERE t.slot = w.slot"));
    same_key(&q->text, t);
}

/* --- reading --- */

enum { FROM = 1, TO = 2, REVERSE = 4 };

unsigned sql_of_read(const struct store_read *r)
{
    unsigned shape = r->prefix * 8 + (r->has_from ? FROM : 0) + (r->has_to ? TO : 0);
    if (r->reverse && r->prefix < store_table(r->table)->keys) shape += REVERSE;
    return SQL_READ + (unsigned)r->table * SQL_SHAPES + shape;
}

static void where(struct sql *q, const struct table_info *t, unsigned at, const char *op)
{
    q->type[q->params++] = t->column[at].type == CELL_STR ? TEXT : INT8;
    buf_printf(&q->text, " AND \"%s\" %s $%d", t->column[at].name, op, q->params);
}

/* The slot's row and the rows in one statement, and so of one snapshot. */
static void range(struct sql *q, const struct table_info *t, unsigned shape)
{
    unsigned prefix = shape / 8;
    const char *direction = shape & REVERSE ? " DESC" : "";
    q->type[q->params++] = INT2;
    buf_add(&q->text, STR("SELECT s.position, "));
    names(&q->text, t, 0, t->columns, "t.", "");
    buf_add(&q->text, STR(" FROM rookery.shard_slot s LEFT JOIN LATERAL (SELECT "));
    names(&q->text, t, 0, t->columns, "", "");
    buf_printf(&q->text, " FROM rookery.\"%s\" WHERE slot = $1", t->name);
    for (unsigned i = 0; i < prefix; i++)
        where(q, t, i, "=");
    if (shape & FROM) where(q, t, prefix, ">=");
    if (shape & TO) where(q, t, prefix, "<");
    if (prefix < t->keys) {
        q->type[q->params++] = INT8;
        buf_add(&q->text, STR(" ORDER BY "));
        names(&q->text, t, prefix, t->keys, "", direction);
        buf_printf(&q->text, " LIMIT $%d", q->params);
    }
    buf_add(&q->text, STR(") t ON true WHERE s.slot = $1 AND s.state = 'live'"));
    if (prefix == t->keys) return;
    buf_add(&q->text, STR(" ORDER BY "));
    names(&q->text, t, prefix, t->keys, "t.", direction);
}

/* --- by number --- */

static void base(struct sql *q, unsigned statement)
{
    static const unsigned types[] = {INT2S, INT8S, INT8S, INT8S, INT8S};
    static const char *const text[] = {
        [SQL_LOCK] = "SELECT slot, position, epoch, state FROM rookery.shard_slot WHERE slot = ANY($1) ORDER BY slot FOR UPDATE",
        [SQL_ADVANCE] = "SELECT rookery.advance($1, $2, $3, $4, $5)",
        [SQL_LOOK] = "SELECT position, epoch FROM rookery.shard_slot WHERE slot = $1 AND state = 'live'"};
    memcpy(q->type, types, sizeof types);
    if (statement == SQL_LOOK) q->type[0] = INT2;
    q->params = statement == SQL_ADVANCE ? 5 : 1;
    buf_add(&q->text, str_c(text[statement]));
}

void sql_write(struct sql *out, unsigned statement)
{
    *out = (struct sql){0};
    buf_init(&out->text, 65536);
    if (statement >= SQL__COUNT) abort();
    if (statement >= SQL_READ)
        range(out, store_table((statement - SQL_READ) / SQL_SHAPES), (statement - SQL_READ) % SQL_SHAPES);
    else if (statement >= SQL_DEL)
        del(out, store_table(statement - SQL_DEL));
    else if (statement >= SQL_PUT)
        put(out, store_table(statement - SQL_PUT));
    else
        base(out, statement);
    buf_byte(&out->text, 0);
}

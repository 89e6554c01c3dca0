#include "engine/media/image.h"

/* --- numbers in bytes; reading beyond the end gives 0, so that lengths are checked where it matters --- */

static uint32_t byte_at(struct str s, size_t at)
{
    return at < s.n ? (unsigned char)s.p[at] : 0;
}
static uint32_t big16(struct str s, size_t at)
{
    return byte_at(s, at) << 8 | byte_at(s, at + 1);
}
static uint32_t big32(struct str s, size_t at)
{
    return big16(s, at) << 16 | big16(s, at + 2);
}
static uint32_t little16(struct str s, size_t at)
{
    return byte_at(s, at) | byte_at(s, at + 1) << 8;
}
static uint32_t little24(struct str s, size_t at)
{
    return little16(s, at) | byte_at(s, at + 2) << 16;
}
static uint32_t little32(struct str s, size_t at)
{
    return little16(s, at) | little16(s, at + 2) << 16;
}

struct str image_type(enum image_kind kind)
{
    static const char *const types[] = {"application/octet-stream", "image/png", "image/jpeg", "image/gif", "image/webp"};
    return str_c(types[kind <= IMAGE_WEBP ? kind : IMAGE_NONE]);
}

/* --- PNG: the first chunk must be IHDR --- */

static bool png(struct str s, struct image_info *out)
{
    if (s.n < 33 || big32(s, 8) != 13 || !str_starts(str_from(s, 12), STR("IHDR"))) return false;
    out->width = big32(s, 16);
    out->height = big32(s, 20);
    return true;
}

/* --- GIF: the decoder makes room for the first frame, which need not fit into the screen --- */

/* Size of a color table, as the flags tell. */
static size_t gif_colors(uint32_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Offset after a chain of sub-blocks; beyond s.n when it does not end. */
static size_t gif_skip_blocks(struct str s, size_t at)
{
    while (at < s.n && byte_at(s, at))
        at += 1 + byte_at(s, at);
    return at + 1;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool gif(struct str s, struct image_info *out)
{
    size_t at = 13 + gif_colors(byte_at(s, 10));
    out->width = little16(s, 6);
    out->height = little16(s, 8);
    while (at < s.n && byte_at(s, at) != 0x2C) {
        if (byte_at(s, at) == 0x3B) return false;
        /* What is neither a frame nor an extension is skipped, byte by byte, as decoders do. */
        at = byte_at(s, at) == 0x21 ? gif_skip_blocks(s, at + 2) : at + 1;
    }
    if (at >= s.n || s.n - at < 10) return false;
    out->cut_short = gif_skip_blocks(s, at + 11 + gif_colors(byte_at(s, at + 9))) > s.n;
    out->width = larger(out->width, little16(s, at + 1) + little16(s, at + 5));
    out->height = larger(out->height, little16(s, at + 3) + little16(s, at + 7));
    return true;
}

/* --- WebP: a RIFF whose first chunk has the dimensions --- */

enum { WEBP_ANIMATION = 0x02, WEBP_ALPHA = 0x10, WEBP_FRAME_HEADER = 16 };

static bool webp(struct str s, struct image_info *out)
{
    struct str chunk = str_from(s, 20);
    if (str_starts(str_from(s, 12), STR("VP8X")) && chunk.n >= 10) {
        out->width = little24(chunk, 4) + 1;
        out->height = little24(chunk, 7) + 1;
        out->animated = byte_at(chunk, 0) & WEBP_ANIMATION;
        return true;
    }
    if (str_starts(str_from(s, 12), STR("VP8L")) && chunk.n >= 5 && byte_at(chunk, 0) == 0x2F) {
        uint32_t bits = little32(chunk, 1);
        out->width = (bits & 0x3FFF) + 1;
        out->height = (bits >> 14 & 0x3FFF) + 1;
        return true;
    }
    if (str_starts(str_from(s, 12), STR("VP8 ")) && chunk.n >= 10 && str_starts(str_from(chunk, 3), STR("\x9D\x01\x2A"))) {
        out->width = little16(chunk, 6) & 0x3FFF;
        out->height = little16(chunk, 8) & 0x3FFF;
        return true;
    }
    return false;
}

/* The content of the first chunk of that name behind the file's header, or the null slice. */
static struct str webp_chunk(struct str s, struct str name)
{
    for (size_t at = 12; at < s.n && s.n - at >= 8;) {
        uint64_t length = little32(s, at + 4);
        if (length > s.n - at - 8) break;
        if (str_starts(str_from(s, at), name)) return str_make(s.p + at + 8, length);
        at += 8 + length + (length & 1);
    }
    return (struct str){0};
}

static void add_little32(struct buf *b, size_t v)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        buf_byte(b, (char)(v >> shift));
}

bool image_webp_first(struct str bytes, struct buf *out)
{
    struct str frame = webp_chunk(bytes, STR("ANMF"));
    if (frame.n <= WEBP_FRAME_HEADER) return false;
    struct str picture = str_from(frame, WEBP_FRAME_HEADER), size = str_make(frame.p + 6, 6);
    buf_add(out, STR("RIFF"));
    add_little32(out, 4 + 18 + picture.n);
    buf_add(out, STR("WEBPVP8X"));
    add_little32(out, 10);
    add_little32(out, WEBP_ALPHA);
    buf_add(out, size);
    buf_add(out, picture);
    return buf_ok(out);
}

/* --- EXIF: a little TIFF file inside of a JPEG segment --- */

enum { EXIF_ORIENTATION = 0x0112, EXIF_SHORT = 3 };

unsigned exif_orientation(struct str app1)
{
    if (!str_starts(app1, STR("Exif\0\0"))) return 0;
    struct str t = str_from(app1, 6); /* offsets count from here */
    bool big = str_starts(t, STR("MM\0*"));
    if (!big && !str_starts(t, STR("II*\0"))) return 0;
    uint32_t (*u16)(struct str, size_t) = big ? big16 : little16;
    uint32_t (*u32)(struct str, size_t) = big ? big32 : little32;
    size_t directory = u32(t, 4);
    if (directory >= t.n) return 0;
    uint32_t entries = u16(t, directory);
    for (uint32_t i = 0; i < entries; i++) {
        size_t at = directory + 2 + (size_t)i * 12;
        if (at + 12 > t.n) return 0;
        if (u16(t, at) != EXIF_ORIENTATION) continue;
        uint32_t value = u16(t, at + 8);
        return u16(t, at + 2) == EXIF_SHORT && u32(t, at + 4) == 1 && value >= 1 && value <= 8 ? value : 0;
    }
    return 0;
}

/* --- JPEG: segments, the frame header among them, up to the end of the image --- */

enum { JPEG_EOI = 0xD9, JPEG_APP1 = 0xE1 };

static bool is_frame_header(uint32_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* A stuffed byte in the picture's data, or a marker that no segment follows. */
static bool stands_alone(uint32_t marker)
{
    return marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

/* Offset of the next marker's second byte, or s.n: anything may stand between segments, and a marker may have many FF. */
static size_t next_marker(struct str s, size_t at)
{
    ptrdiff_t hit = str_find(str_from(s, at), '\xFF');
    if (hit < 0) return s.n;
    at += (size_t)hit;
    while (at < s.n && byte_at(s, at) == 0xFF)
        at++;
    return at;
}

static void jpeg_segment(uint32_t marker, struct str content, struct image_info *out)
{
    if (is_frame_header(marker) && out->width == 0 && content.n >= 6) {
        out->height = big16(content, 1);
        out->width = big16(content, 3);
    }
    if (marker == JPEG_APP1 && out->orientation == 0) out->orientation = exif_orientation(content);
}

static bool jpeg(struct str s, struct image_info *out)
{
    out->cut_short = true;
    out->orientation = 0;
    for (size_t at = next_marker(s, 2); at < s.n; at = next_marker(s, at)) {
        uint32_t marker = byte_at(s, at++);
        if (stands_alone(marker)) continue;
        out->cut_short = marker != JPEG_EOI;
        uint32_t length = big16(s, at);
        if (!out->cut_short || length < 2 || length > s.n - at) break;
        jpeg_segment(marker, str_make(s.p + at + 2, length - 2), out);
        at += length;
    }
    if (out->orientation == 0) out->orientation = 1;
    return true;
}

bool image_probe(struct str bytes, struct image_info *out)
{
    *out = (struct image_info){.orientation = 1};
    bool ok = false;
    if (str_starts(bytes, STR("\x89PNG\r\n\x1A\n"))) {
        out->kind = IMAGE_PNG;
        ok = png(bytes, out);
    } else if (str_starts(bytes, STR("\xFF\xD8\xFF"))) {
        out->kind = IMAGE_JPEG;
        ok = jpeg(bytes, out);
    } else if (str_starts(bytes, STR("GIF87a")) || str_starts(bytes, STR("GIF89a"))) {
        out->kind = IMAGE_GIF;
        ok = gif(bytes, out);
    } else if (str_starts(bytes, STR("RIFF")) && str_starts(str_from(bytes, 8), STR("WEBP"))) {
        out->kind = IMAGE_WEBP;
        ok = webp(bytes, out);
    }
    return ok && out->width && out->height;
}

/* Cameras that are not there, for programs that are started with this library preloaded.
 *
 * Below the folder $FAKE_CAMERA stands what the program takes for /dev: a plain file dev/videoN
 * is a camera, described by its lines "key = value"; a link below dev/v4l/by-id names it. A file
 * that is removed is a camera that was unplugged. The kernel's rules are kept, and whoever breaks
 * one is written down in $FAKE_CAMERA/faults.
 *
 * Written against the kernel's own header, so that it also checks the declarations in use. Only
 * single-planar capture with mapped buffers, and one program thread that calls it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CAMERAS = 8, BUFFERS = 4, LARGEST = 4 << 20, CONTROLS = 4 };

struct camera {
    int fd; /* 0: free */
    char text[4096];
    struct v4l2_pix_format format;
    struct v4l2_fract interval;
    int streaming, count, maps;
    int queued[BUFFERS]; /* 1 + place in the line of queued buffers; 0: the program's */
    void *memory[BUFFERS];
    int line;
    unsigned sequence, given;
    long long next_us;
    int values[CONTROLS];
};

static struct camera cameras[CAMERAS];

/* The first two are automatics: while one is on, the control after it cannot be set. */
static const struct v4l2_queryctrl controls[CONTROLS] = {
    {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, "White Balance, Automatic", 0, 1, 1, 1, 0, {0}},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, "White Balance Temperature", 2800, 6500, 10, 4600, 0, {0}},
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 1, 3, 0, {0}},
    {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 3, 2047, 1, 250, 0, {0}},
};

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void fault(const char *what, int number) {
    char path[512], line[128];
    snprintf(path, sizeof path, "%s/faults", getenv("FAKE_CAMERA"));
    int fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    int length = snprintf(line, sizeof line, "%s %d\n", what, number);
    if (fd >= 0 && write(fd, line, length) == length) REAL(close)(fd);
}

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static const char *moved(const char *path, char *place, size_t size) {
    const char *root = getenv("FAKE_CAMERA");
    int is_ours = !strcmp(path, "/dev") || !strncmp(path, "/dev/video", 10) || !strncmp(path, "/dev/v4l", 8);
    if (!root || !is_ours) return path;
    snprintf(place, size, "%s%s", root, path);
    return place;
}

static struct camera *find(int fd) {
    for (int i = 0; i < CAMERAS; i++)
        if (fd > 0 && cameras[i].fd == fd) return &cameras[i];
    return NULL;
}

static int gone(struct camera *c) {
    struct stat s;
    return fstat(c->fd, &s) != 0 || s.st_nlink == 0;
}

/* The n-th word (from 0) of a key's value; NULL after the last. The next call overwrites it. */
static const char *word(struct camera *c, const char *key, int n) {
    static char found[256];
    size_t length = strlen(key);
    for (char *line = c->text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, length) || strncmp(line + length, " = ", 3)) continue;
        char *at = line + length + 3;
        for (; n > 0 && *at && *at != '\n'; at++) n -= *at == ' ';
        size_t end = strcspn(at, strcmp(key, "card") ? " \n" : "\n");
        if (n > 0 || end == 0 || end >= sizeof found) return NULL;
        memcpy(found, at, end);
        found[end] = 0;
        return found;
    }
    return NULL;
}

static long number(struct camera *c, const char *key, long otherwise) {
    const char *text = word(c, key, 0);
    return text ? strtol(text, NULL, 0) : otherwise;
}

static int failed(int code) {
    errno = code;
    return -1;
}

static int opened(int fd, const char *path) {
    struct camera c = {.fd = fd, .interval = {1, 30}};
    if (fd < 0 || (strncmp(path, "/dev/video", 10) && strncmp(path, "/dev/v4l", 8))) return fd;
    if (read(fd, c.text, sizeof c.text - 1) < 0) return fd;
    for (int i = 0; i < CONTROLS; i++) c.values[i] = controls[i].default_value;
    static long openings;
    int code = number(&c, "open_errno", 0);
    if (openings++ >= number(&c, "openings", 1000)) code = ENOENT;
    if (code) {
        REAL(close)(fd);
        return failed(code);
    }
    for (int i = 0; i < CAMERAS; i++)
        if (!cameras[i].fd) {
            cameras[i] = c;
            return fd;
        }
    fault("too many cameras are open", fd);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    char place[512];
    return opened(REAL(open)(moved(path, place, sizeof place), flags, mode), path);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    char place[512];
    return opened(REAL(open)(moved(path, place, sizeof place), flags, mode), path);
}

DIR *opendir(const char *path) {
    char place[512];
    return REAL(opendir)(moved(path, place, sizeof place));
}

ssize_t readlink(const char *path, char *text, size_t size) {
    char place[512];
    return REAL(readlink)(moved(path, place, sizeof place), text, size);
}

int close(int fd) {
    struct camera *c = find(fd);
    if (c) {
        if (c->maps) fault("closed with buffers still mapped", c->maps);
        memset(c, 0, sizeof *c);
    }
    return REAL(close)(fd);
}

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t offset) {
    struct camera *c = find(fd);
    if (!c) return REAL(mmap)(where, length, protection, flags, fd, offset);
    int index = offset / LARGEST;
    if (index >= c->count || length != LARGEST) fault("mapped what is no buffer", index);
    void *memory = REAL(mmap)(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    c->memory[index % BUFFERS] = memory;
    c->maps++;
    return memory;
}

int munmap(void *memory, size_t length) {
    for (int i = 0; i < CAMERAS; i++)
        for (int k = 0; k < BUFFERS; k++)
            if (cameras[i].fd && cameras[i].memory[k] == memory) {
                cameras[i].memory[k] = NULL;
                cameras[i].maps--;
            }
    return REAL(munmap)(memory, length);
}

/* Whether a frame is due. */
static int ready(struct camera *c) {
    long stop = number(c, "silent_after", -1);
    if (!c->streaming || (stop >= 0 && (long)c->given >= stop)) return 0;
    return now_us() >= c->next_us;
}

int poll(struct pollfd *entries, nfds_t count, int ms) {
    int fd = count == 1 ? entries[0].fd : -1;
    struct camera *c = find(fd);
    if (!c) return REAL(poll)(entries, count, ms);
    long long until = now_us() + ms * 1000LL;
    for (entries->revents = 0;; usleep(1000)) {
        if (gone(c)) entries->revents = POLLERR | POLLHUP;
        else if (ready(c)) entries->revents = POLLIN;
        if (entries->revents) return 1;
        if (now_us() >= until) return 0;
    }
}

static int take(struct camera *c, struct v4l2_buffer *b) {
    long wrong = number(c, "dqbuf_errno", 0);
    if (wrong && (long)c->given >= number(c, "dqbuf_errno_after", 0)) return failed(wrong);
    if (!ready(c)) return failed(EAGAIN);
    int first = -1;
    for (int i = 0; i < c->count; i++)
        if (c->queued[i] && (first < 0 || c->queued[i] < c->queued[first])) first = i;
    if (first < 0) return failed(EAGAIN);
    char path[600];
    unsigned frame = c->sequence % number(c, "count", 1);
    const char *frames = word(c, "frames", 0);
    snprintf(path, sizeof path, "%s/%u", frames ? frames : "", frame);
    int fd = REAL(open)(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, c->memory[first], LARGEST);
    if (fd >= 0) REAL(close)(fd);
    if (length < 0) {
        fault("no such frame", c->sequence);
        return failed(EIO);
    }
    long every = number(c, "flagged_every", 0), half = number(c, "short_every", 0);
    c->queued[first] = 0;
    c->given++;
    b->index = first;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (every && c->given % every == 0) b->flags |= V4L2_BUF_FLAG_ERROR;
    b->bytesused = half && c->given % half == 0 ? length / 2 : length;
    b->sequence = c->sequence++;
    b->timestamp.tv_sec = c->next_us / 1000000;
    b->timestamp.tv_usec = c->next_us % 1000000;
    b->length = LARGEST;
    /* Patient, unlike a true camera, so that a slow machine sees the same frames. */
    c->next_us += number(c, "interval_ms", 20) * 1000;
    long leaps = number(c, "leap_every", 0);
    if (leaps && c->given % leaps == 0) c->sequence += 3;
    return 0;
}

static int set_format(struct camera *c, struct v4l2_format *f) {
    struct v4l2_pix_format *p = &f->fmt.pix;
    int known = 0;
    for (int i = 0; word(c, "formats", i); i++)
        known |= !memcmp(word(c, "formats", i), &p->pixelformat, 4);
    if (!known) memcpy(&p->pixelformat, word(c, "formats", 0), 4);
    known = 0;
    unsigned w, h;
    for (int i = 0; word(c, "sizes", i) && !known; i++)
        if (sscanf(word(c, "sizes", i), "%ux%u", &w, &h) == 2) known = w == p->width && h == p->height;
    if (!known && sscanf(word(c, "sizes", 0), "%ux%u", &p->width, &p->height) != 2) return failed(EINVAL);
    p->field = V4L2_FIELD_NONE;
    int yuyv = p->pixelformat == V4L2_PIX_FMT_YUYV, nv12 = p->pixelformat == V4L2_PIX_FMT_NV12;
    p->bytesperline = yuyv ? p->width * 2 : nv12 ? p->width : 0;
    p->sizeimage = LARGEST;
    c->format = *p;
    return 0;
}

static int control(struct camera *c, unsigned long request, struct v4l2_control *a) {
    for (int i = 0; i < CONTROLS; i++) {
        const struct v4l2_queryctrl *q = &controls[i];
        if (q->id != a->id) continue;
        if (request == VIDIOC_S_CTRL) {
            int automatic = i % 2 && c->values[i - 1] != (i == 3 ? V4L2_EXPOSURE_MANUAL : 0);
            if (automatic) return failed(EACCES);
            int value = a->value < q->minimum ? q->minimum : a->value > q->maximum ? q->maximum : a->value;
            c->values[i] = value - (value - q->minimum) % q->step;
        }
        a->value = c->values[i];
        return 0;
    }
    return failed(EINVAL);
}

static int describe(struct camera *c, unsigned long request, void *argument) {
    if (request == VIDIOC_QUERYCAP) {
        struct v4l2_capability *a = argument;
        const char *driver = word(c, "driver", 0);
        if (!driver) return failed(ENOTTY);
        snprintf((char *)a->driver, sizeof a->driver, "%s", driver);
        snprintf((char *)a->card, sizeof a->card, "%s", word(c, "card", 0));
        snprintf((char *)a->bus_info, sizeof a->bus_info, "usb-fake-1");
        a->device_caps = number(c, "caps", V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING);
        a->capabilities = a->device_caps | V4L2_CAP_DEVICE_CAPS | V4L2_CAP_VIDEO_CAPTURE;
        return 0;
    }
    if (request == VIDIOC_ENUM_FMT) {
        struct v4l2_fmtdesc *a = argument;
        const char *name = word(c, "formats", a->index);
        if (!name) return failed(EINVAL);
        memcpy(&a->pixelformat, name, 4);
        return 0;
    }
    if (request == VIDIOC_ENUM_FRAMESIZES) {
        struct v4l2_frmsizeenum *a = argument;
        const char *size = word(c, "sizes", a->index);
        a->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        if (!size || sscanf(size, "%ux%u", &a->discrete.width, &a->discrete.height) != 2) return failed(EINVAL);
        return 0;
    }
    if (request == VIDIOC_ENUM_FRAMEINTERVALS) {
        struct v4l2_frmivalenum *a = argument;
        const char *fps = word(c, "fps", a->index);
        if (!fps) return failed(EINVAL);
        a->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        a->discrete = (struct v4l2_fract){1, atoi(fps)};
        return 0;
    }
    struct v4l2_queryctrl *a = argument;
    for (int i = 0; i < CONTROLS; i++)
        if (number(c, "controls", 1) && controls[i].id > (a->id & ~V4L2_CTRL_FLAG_NEXT_CTRL)) {
            *a = controls[i];
            return 0;
        }
    return failed(EINVAL);
}

static int buffers(struct camera *c, unsigned long request, void *argument) {
    struct v4l2_buffer *b = argument;
    if (request == VIDIOC_REQBUFS) {
        struct v4l2_requestbuffers *a = argument;
        if (!c->format.width) fault("buffers before the format", 0);
        c->count = a->count = a->count < BUFFERS ? a->count : BUFFERS;
        return 0;
    }
    if (b->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || b->memory != V4L2_MEMORY_MMAP) fault("a buffer of another kind", b->type);
    if (request == VIDIOC_DQBUF) return take(c, b);
    if ((int)b->index >= c->count) return failed(EINVAL);
    if (request == VIDIOC_QUERYBUF) {
        b->length = LARGEST;
        b->m.offset = b->index * LARGEST;
        return 0;
    }
    if (c->queued[b->index]) {
        fault("queued a buffer that the kernel owns", b->index);
        return failed(EINVAL);
    }
    c->queued[b->index] = ++c->line;
    return 0;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    struct camera *c = find(fd);
    if (!c) return REAL(ioctl)(fd, request, argument);
    if (gone(c)) return failed(ENODEV);
    switch (request) {
    case VIDIOC_S_FMT: return set_format(c, argument);
    case VIDIOC_S_PARM: {
        struct v4l2_fract *f = &((struct v4l2_streamparm *)argument)->parm.capture.timeperframe;
        const char *fps = word(c, "fps", 0);
        *f = (struct v4l2_fract){1, fps ? atoi(fps) : 30};
        return 0;
    }
    case VIDIOC_S_CTRL:
    case VIDIOC_G_CTRL: return control(c, request, argument);
    case VIDIOC_STREAMON: {
        int code = number(c, "streamon_errno", 0);
        if (code) return failed(code);
        c->streaming = 1;
        c->next_us = now_us();
        return 0;
    }
    case VIDIOC_STREAMOFF: c->streaming = 0; return 0;
    case VIDIOC_REQBUFS:
    case VIDIOC_QUERYBUF:
    case VIDIOC_QBUF:
    case VIDIOC_DQBUF: return buffers(c, request, argument);
    case VIDIOC_QUERYCAP:
    case VIDIOC_ENUM_FMT:
    case VIDIOC_ENUM_FRAMESIZES:
    case VIDIOC_ENUM_FRAMEINTERVALS:
    case VIDIOC_QUERYCTRL: return describe(c, request, argument);
    default: return failed(ENOTTY);
    }
}

/* GPIO chips that are not there, for programs that are started with this library preloaded.
 *
 * A plain file $FAKE_GPIO/dev/gpiochipN is a chip, described by its lines "key = value": label,
 * lines, nameN and heldN of line N, open_errno, request_errno, set_errno. It is read anew at
 * each call, so that it can change while the program runs. A line that a program has is a file
 * $FAKE_GPIO/held-gpiochipN-M with the program's name for itself, and all that is done is
 * written down in $FAKE_GPIO/levels.
 *
 * Written against the kernel's own header, so that it also checks the declarations in use. Only
 * requests of one line as an output. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN = 64 };

/* An open chip (line -1) or a line in hand. */
static struct handle {
    int fd; /* 0: free */
    char chip[32];
    int line;
} handles[OPEN];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define DEVICE "/dev/gpiochip"

static void place(char *path, size_t size, const char *below) {
    snprintf(path, size, "%s%s", getenv("FAKE_GPIO"), below);
}

static int ours(const char *path) {
    return getenv("FAKE_GPIO") && !strncmp(path, DEVICE, strlen(DEVICE));
}

static const char *moved(const char *path, char *where, size_t size) {
    if (!getenv("FAKE_GPIO") || (strcmp(path, "/dev") && !ours(path))) return path;
    place(where, size, path);
    return where;
}

static int failed(int code) {
    errno = code;
    return -1;
}

/* The rest of the file's line that begins with the key; the next call overwrites it. */
static const char *value(const char *chip, const char *key) {
    static char line[256];
    char path[600];
    size_t length = strlen(key);
    snprintf(path, sizeof path, "%s/dev/%s", getenv("FAKE_GPIO"), chip);
    FILE *file = fopen(path, "re");
    if (!file) return NULL;
    const char *found = NULL;
    while (!found && fgets(line, sizeof line, file))
        if (!strncmp(line, key, length) && !strncmp(line + length, " = ", 3)) found = line + length + 3;
    fclose(file);
    if (found) line[strcspn(line, "\n")] = 0;
    return found;
}

static long number(const char *chip, const char *key) {
    const char *text = value(chip, key);
    return text ? atol(text) : 0;
}

static const char *numbered(const char *chip, const char *key, int line) {
    char name[32];
    snprintf(name, sizeof name, "%s%d", key, line);
    return value(chip, name);
}

static void held(const struct handle *h, char *path, size_t size) {
    snprintf(path, size, "%s/held-%s-%d", getenv("FAKE_GPIO"), h->chip, h->line);
}

/* Who has the line: a program under this library, or one in the chip's file. */
static int holder(const struct handle *h, char *name, size_t size) {
    char path[600];
    held(h, path, sizeof path);
    memset(name, 0, size);
    FILE *file = fopen(path, "re");
    if (file) {
        size_t length = fread(name, 1, size - 1, file);
        name[length] = 0;
        fclose(file);
        return 1;
    }
    const char *other = numbered(h->chip, "held", h->line);
    if (other) snprintf(name, size, "%s", other);
    return other != NULL;
}

static void note(const struct handle *h, const char *what) {
    char path[600], line[128];
    place(path, sizeof path, "/levels");
    int fd = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int length = snprintf(line, sizeof line, "%s %d %s\n", h->chip, h->line, what);
    if (fd >= 0 && write(fd, line, length) == length) REAL(close)(fd);
}

static struct handle *find(int fd) {
    for (int i = 0; i < OPEN; i++)
        if (fd > 0 && handles[i].fd == fd) return &handles[i];
    return NULL;
}

static int keep(int fd, const char *chip, int line) {
    for (int i = 0; fd >= 0 && i < OPEN; i++)
        if (!handles[i].fd) {
            handles[i] = (struct handle){.fd = fd, .line = line};
            snprintf(handles[i].chip, sizeof handles[i].chip, "%s", chip);
            return fd;
        }
    return fd;
}

static int opened(int fd, const char *path) {
    if (fd < 0 || !ours(path)) return fd;
    const char *chip = path + strlen("/dev/");
    long code = number(chip, "open_errno");
    if (!code) return keep(fd, chip, -1);
    REAL(close)(fd);
    return failed(code);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    char where[600];
    return opened(REAL(open)(moved(path, where, sizeof where), flags, mode), path);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    char where[600];
    return opened(REAL(open64)(moved(path, where, sizeof where), flags, mode), path);
}

DIR *opendir(const char *path) {
    char where[600];
    return REAL(opendir)(moved(path, where, sizeof where));
}

char *realpath(const char *path, char *result) {
    char where[600];
    if (!ours(path)) return REAL(realpath)(path, result);
    if (access(moved(path, where, sizeof where), F_OK)) return NULL;
    return strdup(path);
}

int close(int fd) {
    struct handle *h = find(fd);
    if (h && h->line >= 0) {
        char path[600];
        held(h, path, sizeof path);
        unlink(path);
        note(h, "released");
    }
    if (h) h->fd = 0;
    return REAL(close)(fd);
}

static int describe(struct handle *h, struct gpio_v2_line_info *info) {
    struct handle line = *h;
    line.line = info->offset;
    if (line.line >= number(h->chip, "lines")) return failed(EINVAL);
    const char *name = numbered(h->chip, "name", line.line);
    snprintf(info->name, sizeof info->name, "%s", name ? name : "");
    info->flags = GPIO_V2_LINE_FLAG_INPUT;
    if (holder(&line, info->consumer, sizeof info->consumer))
        info->flags = GPIO_V2_LINE_FLAG_USED | GPIO_V2_LINE_FLAG_OUTPUT;
    return 0;
}

static int request(struct handle *h, struct gpio_v2_line_request *r) {
    struct handle line = *h;
    char path[600], other[32];
    line.line = r->offsets[0];
    int code = number(h->chip, "request_errno");
    if (code) return failed(code);
    if (r->num_lines != 1 || line.line >= number(h->chip, "lines")) return failed(EINVAL);
    if (holder(&line, other, sizeof other)) return failed(EBUSY);
    int value = 0, output = (r->config.flags & GPIO_V2_LINE_FLAG_OUTPUT) != 0;
    for (unsigned i = 0; i < r->config.num_attrs; i++) {
        struct gpio_v2_line_config_attribute *a = &r->config.attrs[i];
        if (a->attr.id == GPIO_V2_LINE_ATTR_ID_FLAGS) output = (a->attr.flags & GPIO_V2_LINE_FLAG_OUTPUT) != 0;
        if (a->attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) value = a->attr.values & a->mask & 1;
    }
    if (!output) return failed(EINVAL);
    held(&line, path, sizeof path);
    FILE *file = fopen(path, "we");
    if (!file) return failed(EIO);
    fputs(r->consumer, file);
    fclose(file);
    r->fd = keep(REAL(open)("/dev/null", O_RDWR | O_CLOEXEC), h->chip, line.line);
    note(&line, value ? "taken high" : "taken low");
    return 0;
}

int ioctl(int fd, unsigned long number_of, ...) {
    va_list rest;
    va_start(rest, number_of);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    struct handle *h = find(fd);
    if (!h) return REAL(ioctl)(fd, number_of, argument);
    if (h->line >= 0) {
        struct gpio_v2_line_values *v = argument;
        int code = number(h->chip, "set_errno");
        if (number_of != GPIO_V2_LINE_SET_VALUES_IOCTL || !(v->mask & 1)) return failed(ENOTTY);
        if (!value(h->chip, "label")) return failed(ENODEV);
        if (code) return failed(code);
        note(h, v->bits & 1 ? "high" : "low");
        return 0;
    }
    switch (number_of) {
    case GPIO_GET_CHIPINFO_IOCTL: {
        struct gpiochip_info *info = argument;
        const char *label = value(h->chip, "label");
        snprintf(info->name, sizeof info->name, "%s", h->chip);
        snprintf(info->label, sizeof info->label, "%s", label ? label : "");
        info->lines = number(h->chip, "lines");
        return 0;
    }
    case GPIO_V2_GET_LINEINFO_IOCTL: return describe(h, argument);
    case GPIO_V2_GET_LINE_IOCTL: return request(h, argument);
    default: return failed(ENOTTY);
    }
}

/* Records what a program does to the files of one folder, in order, into a log: loaded before it with LD_PRELOAD.
 *
 * RECORD_ROOT is the folder, RECORD_LOG the log, RECORD_MARKS a file whose writes become marks in the log (what a client
 * was told). One lock for all threads and processes is held over each call and its record, so the order is that in
 * which things happened. What is not seen: writes through shared memory (told as an event), and of C streams, whose
 * inner calls do not pass here; the replay holds its own files against the folder and so finds what was missed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct head { uint32_t magic, op; int64_t inode, offset, size; uint32_t path, other; };
enum { WRITE = 1, TRUNCATE, SYNC, CREATE, RENAME, UNLINK, MKDIR, RMDIR, MARK, MAPPED };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], marks[PATH_MAX];
static size_t root_length;
static int out = -1, lock = -1;

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)

static void locked(int how) {
    struct flock whole = {.l_type = how, .l_whence = SEEK_SET};
    int kept = errno;
    if (how == F_WRLCK) pthread_mutex_lock(&mutex);
    while (fcntl(lock, F_SETLKW, &whole) && errno == EINTR) {}
    if (how == F_UNLCK) pthread_mutex_unlock(&mutex);
    errno = kept;
}
__attribute__((constructor)) static void start(void) {
    const char *log = getenv("RECORD_LOG"), *folder = getenv("RECORD_ROOT"), *told = getenv("RECORD_MARKS");
    char beside[PATH_MAX];
    if (!log || !folder) return;
    snprintf(root, sizeof root, "%s/", folder);
    snprintf(marks, sizeof marks, "%s", told ? told : "");
    root_length = strlen(root);
    snprintf(beside, sizeof beside, "%s.lock", log);
    out = fcntl(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), F_DUPFD_CLOEXEC, 900);
    lock = fcntl(open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600), F_DUPFD_CLOEXEC, 900);
}
static int inside(const char *path) {
    size_t length = strlen(path); /* the folder itself has no slash at its end */
    return out >= 0 && !strncmp(path, root, length + 1 == root_length ? length : root_length);
}
static int where(int folder, const char *path, char *full) { /* the absolute name of what an *at call was given */
    char link[64];
    if (path && path[0] == '/') { snprintf(full, PATH_MAX, "%s", path); return inside(full); }
    if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, full, PATH_MAX - 1);
    if (length < 0) return 0;
    full[length] = 0;
    if (path) snprintf(full + length, PATH_MAX - length, "/%s", path);
    return inside(full);
}
static void note(int op, int64_t inode, int64_t offset, const char *path, const char *other, const void *data, int64_t size) {
    struct head h = {0x5741, op, inode, offset, size, path ? strlen(path) : 0, other ? strlen(other) : 0};
    struct iovec parts[4] = {{&h, sizeof h}, {(void *)path, h.path}, {(void *)other, h.other}, {(void *)data, data ? size : 0}};
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    if (real(out, parts, 4) < 0) abort();
}
static struct stat about(int fd) { struct stat found = {0}; fstat(fd, &found); return found; }
static int opened(int folder, const char *path, int flags, mode_t mode) {
    REAL(int, "openat", int, const char *, int, ...);
    char full[PATH_MAX];
    struct stat before;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !where(folder, path, full))
        return real(folder, path, flags, mode);
    locked(F_WRLCK);
    int was = !fstatat(folder, path, &before, 0), fd = real(folder, path, flags, mode);
    if (fd >= 0 && !was) note(CREATE, about(fd).st_ino, 0, full, NULL, NULL, 0);
    else if (fd >= 0 && (flags & O_TRUNC) && before.st_size) note(TRUNCATE, before.st_ino, 0, full, NULL, NULL, 0);
    locked(F_UNLCK);
    return fd;
}
#define MODE va_list more; va_start(more, flags); mode_t mode = va_arg(more, int); va_end(more)
#define OPEN(name) int name(const char *path, int flags, ...) { MODE; return opened(AT_FDCWD, path, flags, mode); }
#define OPENAT(name) int name(int folder, const char *path, int flags, ...) { MODE; return opened(folder, path, flags, mode); }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)
#define CREAT(name) int name(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
CREAT(creat) CREAT(creat64)
static void wrote(int fd, const char *full, const void *data, ssize_t size, off_t offset) { /* after it, under the lock */
    if (size <= 0) return;
    if (!strcmp(full, marks)) note(MARK, 0, 0, NULL, NULL, data, size);
    else note(WRITE, about(fd).st_ino, offset, full, NULL, data, size);
}
static int written(int fd, char *full) { return out >= 0 && fd != out && fd > 2 && (where(fd, NULL, full) || !strcmp(full, marks)); }
static off_t at(int fd) { return fcntl(fd, F_GETFL) & O_APPEND ? about(fd).st_size : lseek(fd, 0, SEEK_CUR); }
#define RECORDED(call, data, offset) do { locked(F_WRLCK); off_t from = offset; ssize_t done = call; \
    wrote(fd, full, data, done, from); locked(F_UNLCK); return done; } while (0)
ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char full[PATH_MAX] = "";
    if (!written(fd, full)) return real(fd, data, size);
    RECORDED(real(fd, data, size), data, at(fd));
}
#define PWRITE(name) ssize_t name(int fd, const void *data, size_t size, off_t offset) { \
    REAL(ssize_t, #name, int, const void *, size_t, off_t); char full[PATH_MAX] = ""; \
    if (!written(fd, full)) return real(fd, data, size, offset); \
    RECORDED(real(fd, data, size, offset), data, offset); }
PWRITE(pwrite) PWRITE(pwrite64)
static ssize_t gathered(int fd, const struct iovec *parts, int count, off_t offset, const char *full) {
    ssize_t total = 0, done = 0;
    locked(F_WRLCK);
    off_t from = offset < 0 ? at(fd) : offset;
    for (int i = 0; i < count; i++, total += done) { /* one write for each part: what was written is then known */
        done = syscall(SYS_pwrite64, fd, parts[i].iov_base, parts[i].iov_len, from + total);
        if (done < 0) break;
        wrote(fd, full, parts[i].iov_base, done, from + total);
    }
    if (offset < 0) lseek(fd, from + total, SEEK_SET);
    locked(F_UNLCK);
    return total ? total : done;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char full[PATH_MAX] = "";
    return written(fd, full) ? gathered(fd, parts, count, -1, full) : real(fd, parts, count);
}
#define PWRITEV(name) ssize_t name(int fd, const struct iovec *parts, int count, off_t offset) { \
    REAL(ssize_t, #name, int, const struct iovec *, int, off_t); char full[PATH_MAX] = ""; \
    return written(fd, full) ? gathered(fd, parts, count, offset, full) : real(fd, parts, count, offset); }
PWRITEV(pwritev) PWRITEV(pwritev64)
/* Copies within the kernel are refused inside the folder: whoever asks for them writes instead. */
ssize_t copy_file_range(int in, off64_t *from, int to, off64_t *offset, size_t size, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    char full[PATH_MAX];
    if (written(to, full)) { errno = EXDEV; return -1; }
    return real(in, from, to, offset, size, flags);
}
#define SENDFILE(name) ssize_t name(int to, int from, off_t *offset, size_t size) { \
    REAL(ssize_t, #name, int, int, off_t *, size_t); char full[PATH_MAX]; \
    if (written(to, full)) { errno = EINVAL; return -1; } return real(to, from, offset, size); }
SENDFILE(sendfile) SENDFILE(sendfile64)
#define FDOP(op, extra, ...) { char full[PATH_MAX]; \
    if (out < 0 || !where(fd, NULL, full)) return real(__VA_ARGS__); \
    locked(F_WRLCK); int done = real(__VA_ARGS__); if (!done) note(op, about(fd).st_ino, extra, full, NULL, NULL, 0); \
    locked(F_UNLCK); return done; }
int ftruncate(int fd, off_t size) { REAL(int, "ftruncate", int, off_t); FDOP(TRUNCATE, size, fd, size) }
int ftruncate64(int fd, off64_t size) { REAL(int, "ftruncate64", int, off64_t); FDOP(TRUNCATE, size, fd, size) }
int fsync(int fd) { REAL(int, "fsync", int); FDOP(SYNC, 0, fd) }
int fdatasync(int fd) { REAL(int, "fdatasync", int); FDOP(SYNC, 1, fd) }
/* Room is refused, too: whoever asks for it does without. */
static int refused(int fd) { char full[PATH_MAX]; return out >= 0 && where(fd, NULL, full); }
#define ROOM(name) int name(int fd, off_t from, off_t size) { \
    REAL(int, #name, int, off_t, off_t); return refused(fd) ? EINVAL : real(fd, from, size); }
ROOM(posix_fallocate) ROOM(posix_fallocate64)
#define ALLOCATE(name) int name(int fd, int mode, off_t from, off_t size) { REAL(int, #name, int, int, off_t, off_t); \
    if (refused(fd)) { errno = EOPNOTSUPP; return -1; } return real(fd, mode, from, size); }
ALLOCATE(fallocate) ALLOCATE(fallocate64)
#define MAP(name) void *name(void *near, size_t size, int access, int flags, int fd, off_t offset) { \
    REAL(void *, #name, void *, size_t, int, int, int, off_t); char full[PATH_MAX]; \
    if (out >= 0 && fd > 2 && (flags & MAP_SHARED) && (access & PROT_WRITE) && where(fd, NULL, full)) { \
        locked(F_WRLCK); note(MAPPED, about(fd).st_ino, offset, full, NULL, NULL, 0); locked(F_UNLCK); } \
    return real(near, size, access, flags, fd, offset); }
MAP(mmap) MAP(mmap64)
#define NAMED(op, extra, first, second, ...) { locked(F_WRLCK); int done = real(__VA_ARGS__); \
    if (!done) { note(op, 0, extra, first, second, NULL, 0); } locked(F_UNLCK); return done; }
static int renamed(int a, const char *from, int b, const char *to, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    char old[PATH_MAX], new[PATH_MAX];
    if (out < 0 || !(where(a, from, old) | where(b, to, new))) return real(a, from, b, to, flags);
    NAMED(RENAME, flags, old, new, a, from, b, to, flags)
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }
int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    char full[PATH_MAX];
    if (out < 0 || !where(folder, path, full)) return real(folder, path, flags);
    NAMED(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, full, NULL, folder, path, flags)
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    char full[PATH_MAX];
    if (out < 0 || !where(folder, path, full)) return real(folder, path, mode);
    NAMED(MKDIR, 0, full, NULL, folder, path, mode)
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

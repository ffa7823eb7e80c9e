/* What stands between a process and its disk: it records every operation, and fails, delays or kills at one of them.
 *
 * Preloaded (LD_PRELOAD) into the real daemon by tests/reliability/interposer.py, which also documents the trace and the
 * control page. Only what lies below DISK_ROOT is looked at; sockets are recorded too, because what leaves through them is
 * what the log must already hold. A sync is recorded twice, at its beginning and at its end: it covers only what came before
 * its beginning. What leaves is recorded before it leaves, what arrives after it has arrived.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum op { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MKDIR, SEND, RECV, CLOSE, LINK };
enum action { NONE = 0, FAIL, SHORT, KILL, TERM, LOSE_SYNC, HANG };
enum class { MUTATES = 1, READS = 2, OPENS = 4 };

struct control {
    int64_t realtime_offset_ns, monotonic_offset_ns, free_bytes, hang;
    int64_t nth, action, error, sticky, classes, counted, fired;
};
struct header {
    uint32_t op, path_bytes, data_bytes, flags;
    int64_t file, offset;
};

static struct control nothing, *control = &nothing;
static char root[4096];
static size_t root_bytes;
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define FDS 4096
static int64_t files[FDS]; /* the inode of a tracked descriptor, 0 for others */
static char logs[FDS];     /* whether it is the log: what hangs is its disk, not that of the simulated copper */

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_ROOT");
    if (!path || !realpath(path, root)) return;
    root_bytes = strlen(root);
    if ((path = getenv("DISK_CONTROL"))) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        void *page = fd < 0 ? MAP_FAILED : mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) control = page;
        if (fd >= 0) syscall(SYS_close, fd);
    }
    if ((path = getenv("DISK_TRACE"))) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        trace = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 1000);
        if (fd >= 0) syscall(SYS_close, fd);
    }
}

static const char *below(const char *path) {
    if (!root_bytes || !path || strncmp(path, root, root_bytes)) return 0;
    return path[root_bytes] == '/' || !path[root_bytes] ? path + root_bytes : 0;
}
static int64_t file_of(int fd) { return fd >= 0 && fd < FDS ? files[fd] : 0; }

static void record(enum op op, int64_t file, int64_t offset, uint32_t flags, const char *path, const void *data, size_t bytes) {
    if (trace < 0) return;
    struct header header = {op, path ? strlen(path) : 0, bytes, flags, file, offset};
    struct iovec parts[3] = {{&header, sizeof header}, {(void *)path, header.path_bytes}, {(void *)data, bytes}};
    if (syscall(SYS_writev, trace, parts, 3) < 0) abort();
}

/* Whether something happens to this operation; what is to fail fails with errno set. */
static enum action due(enum class class) {
    if (!(control->classes & class)) return NONE;
    int64_t number = __atomic_add_fetch(&control->counted, 1, __ATOMIC_SEQ_CST);
    if (!control->action || number < control->nth || (number > control->nth && !control->sticky)) return NONE;
    control->fired++;
    if (control->action == KILL) syscall(SYS_kill, getpid(), SIGKILL);
    if (control->action == TERM) syscall(SYS_kill, getpid(), SIGTERM);
    if (control->action == HANG) {
        while (control->action == HANG) usleep(5000);
        return NONE;
    }
    errno = control->error;
    return control->action == TERM ? NONE : control->action;
}

static int opened(int fd, const char *path, int flags, int existed) {
    struct stat found;
    if (fd < 0 || fd >= FDS || fstat(fd, &found)) return fd;
    files[fd] = found.st_ino;
    logs[fd] = !strncmp(path, "/chargebox.db", 13);
    record(OPEN, found.st_ino, S_ISDIR(found.st_mode), (existed ? 0 : 1) | (flags & O_TRUNC && existed ? 2 : 0), path, 0, 0);
    return fd;
}
static int open_at(int directory, const char *path, int flags, mode_t mode) {
    const char *name = below(path);
    if (!name) {
        int other = syscall(SYS_openat, directory, path, flags, mode);
        if (other >= 0 && other < FDS) files[other] = 0;
        return other;
    }
    if (due(OPENS) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    struct stat before;
    int existed = !fstatat(directory, path, &before, 0);
    int fd = opened(syscall(SYS_openat, directory, path, flags, mode), name, flags, existed);
    pthread_mutex_unlock(&lock);
    return fd;
}
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE(flags); return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags); return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int directory, const char *path, int flags, ...) { MODE(flags); return open_at(directory, path, flags, mode); }
int openat64(int directory, const char *path, int flags, ...) { MODE(flags); return open_at(directory, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    if (fd >= 0 && fd == trace) return 0;
    if (fd >= 0 && fd < FDS) {
        files[fd] = 0;
        if (trace >= 0) {
            pthread_mutex_lock(&lock);
            record(CLOSE, fd, 0, 0, 0, 0, 0);
            pthread_mutex_unlock(&lock);
        }
    }
    return syscall(SYS_close, fd);
}

/* One write to a tracked file; offset -1: where the descriptor stands. */
static ssize_t put(int fd, const void *data, size_t bytes, off_t offset) {
    enum action action = due(MUTATES);
    if (action == FAIL) return -1;
    if (action == SHORT && bytes > 1) bytes /= 2;
    pthread_mutex_lock(&lock);
    off_t at = offset;
    if (at < 0) at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t done = offset < 0 ? syscall(SYS_write, fd, data, bytes) : syscall(SYS_pwrite64, fd, data, bytes, offset);
    if (done > 0) record(WRITE, files[fd], at, 0, 0, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}
ssize_t write(int fd, const void *data, size_t bytes) {
    if (file_of(fd)) return put(fd, data, bytes, -1);
    if (trace >= 0 && fd == 1) {
        pthread_mutex_lock(&lock);
        record(SEND, fd, 0, 0, 0, data, bytes);
        pthread_mutex_unlock(&lock);
    }
    return syscall(SYS_write, fd, data, bytes);
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    return file_of(fd) ? put(fd, data, bytes, offset) : syscall(SYS_pwrite64, fd, data, bytes, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) { return pwrite(fd, data, bytes, offset); }

ssize_t read(int fd, void *data, size_t bytes) {
    if (file_of(fd) && due(READS) == FAIL) return -1;
    return syscall(SYS_read, fd, data, bytes);
}
ssize_t pread(int fd, void *data, size_t bytes, off_t offset) {
    if (file_of(fd) && due(READS) == FAIL) return -1;
    return syscall(SYS_pread64, fd, data, bytes, offset);
}
ssize_t pread64(int fd, void *data, size_t bytes, off64_t offset) { return pread(fd, data, bytes, offset); }

int ftruncate(int fd, off_t bytes) {
    if (!file_of(fd)) return syscall(SYS_ftruncate, fd, bytes);
    if (due(MUTATES) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_ftruncate, fd, bytes);
    if (!result) record(TRUNCATE, files[fd], bytes, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate64(int fd, off64_t bytes) { return ftruncate(fd, bytes); }

int posix_fallocate(int fd, off_t offset, off_t bytes) {
    REAL(posix_fallocate);
    if (!file_of(fd)) return real(fd, offset, bytes);
    if (due(MUTATES) == FAIL) return errno;
    pthread_mutex_lock(&lock);
    int result = real(fd, offset, bytes);
    struct stat found;
    if (!result && !fstat(fd, &found)) record(TRUNCATE, files[fd], found.st_size, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int posix_fallocate64(int fd, off64_t offset, off64_t bytes) { return posix_fallocate(fd, offset, bytes); }

static int sync_file(int fd, long call) {
    int64_t file = file_of(fd);
    if (!file) return syscall(call, fd);
    enum action action = due(MUTATES);
    if (action == FAIL) return -1;
    if (action == LOSE_SYNC) return 0;
    while (control->hang && logs[fd]) usleep(5000);
    pthread_mutex_lock(&lock);
    record(SYNC_BEGIN, file, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    int result = syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (!result) record(SYNC_END, file, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int rename_path(const char *from, const char *to) {
    const char *old = below(from), *new = below(to);
    if (!old && !new) return syscall(SYS_rename, from, to);
    if (due(MUTATES) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_rename, from, to);
    if (!result) record(RENAME, 0, 0, 0, old, new, strlen(new));
    pthread_mutex_unlock(&lock);
    return result;
}
int rename(const char *from, const char *to) { return rename_path(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    return a == AT_FDCWD && b == AT_FDCWD ? rename_path(from, to) : syscall(SYS_renameat, a, from, b, to);
}

int link(const char *from, const char *to) {
    const char *old = below(from), *new = below(to);
    if (old && new && due(MUTATES) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (!result && old && new) record(LINK, 0, 0, 0, old, new, strlen(new));
    pthread_mutex_unlock(&lock);
    return result;
}
static int remove_path(const char *path, int flags) {
    const char *name = below(path);
    if (!name) return syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    if (due(MUTATES) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    if (!result) record(UNLINK, 0, 0, 0, name, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int unlink(const char *path) { return remove_path(path, 0); }
int rmdir(const char *path) { return remove_path(path, AT_REMOVEDIR); }
int unlinkat(int directory, const char *path, int flags) {
    return directory == AT_FDCWD ? remove_path(path, flags) : syscall(SYS_unlinkat, directory, path, flags);
}
int mkdir(const char *path, mode_t mode) {
    const char *name = below(path);
    if (name && due(MUTATES) == FAIL) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_mkdir, path, mode);
    struct stat found;
    if (name && !result && !stat(path, &found)) record(MKDIR, found.st_ino, 0, 0, name, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t send(int fd, const void *data, size_t bytes, int flags) {
    pthread_mutex_lock(&lock);
    record(SEND, fd, 0, 0, 0, data, bytes);
    pthread_mutex_unlock(&lock);
    ssize_t done = syscall(SYS_sendto, fd, data, bytes, flags, 0, 0);
    if (done >= 0 && (size_t)done < bytes) { /* the rest is sent, and recorded, again */
        pthread_mutex_lock(&lock);
        record(SEND, fd, (int64_t)done - (int64_t)bytes, 0, 0, 0, 0);
        pthread_mutex_unlock(&lock);
    }
    return done;
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    pthread_mutex_lock(&lock);
    int64_t bytes = 0;
    for (size_t part = 0; part < message->msg_iovlen; part++) {
        record(SEND, fd, 0, 0, 0, message->msg_iov[part].iov_base, message->msg_iov[part].iov_len);
        bytes += message->msg_iov[part].iov_len;
    }
    pthread_mutex_unlock(&lock);
    ssize_t done = syscall(SYS_sendmsg, fd, message, flags);
    if (done >= 0 && done < bytes) {
        pthread_mutex_lock(&lock);
        record(SEND, fd, done - bytes, 0, 0, 0, 0);
        pthread_mutex_unlock(&lock);
    }
    return done;
}
ssize_t recv(int fd, void *data, size_t bytes, int flags) {
    ssize_t done = syscall(SYS_recvfrom, fd, data, bytes, flags, 0, 0);
    if (done > 0) {
        pthread_mutex_lock(&lock);
        record(RECV, fd, 0, 0, 0, data, done);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int statvfs(const char *path, struct statvfs *found) {
    REAL(statvfs);
    int result = real(path, found);
    if (!result && control->free_bytes && below(path)) found->f_bavail = found->f_bfree = control->free_bytes / found->f_frsize;
    return result;
}
int statvfs64(const char *path, struct statvfs64 *found) { return statvfs(path, (struct statvfs *)found); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    int64_t offset = clock == CLOCK_REALTIME ? control->realtime_offset_ns : clock == CLOCK_MONOTONIC ? control->monotonic_offset_ns : 0;
    if (result || !offset) return result;
    int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + offset;
    now->tv_sec = ns / 1000000000LL;
    now->tv_nsec = ns % 1000000000LL;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

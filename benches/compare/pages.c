/*
 * The price of a page: how long it takes to read a byte of one that nothing has touched for five seconds.
 *
 * A host that takes memory back from its virtual machines gives it again page by page, as it is touched. The kernel inside knows
 * nothing of that, and counts the wait as CPU time of the process. Then a program costs what it touches, not what it does.
 *
 * Maps PAGES pages of FILE and as many of its own, sleeps, touches one line in each, ROUNDS times. Prints the median and the mean,
 * in nanoseconds.
 *
 * usage: pages FILE ROUNDS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGES 64
#define PAGE 4096
#define LINE 64
#define SLEEP_SECONDS 5

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments)
{
    int rounds = count == 3 ? atoi(arguments[2]) : 0, file = count == 3 ? open(arguments[1], O_RDONLY) : -1;
    size_t size = PAGES * PAGE, touches = 0;
    double *took = malloc(2 * PAGES * sizeof *took * (rounds > 0 ? rounds : 1));
    volatile char *mapped[2] = {
        mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0),
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    };
    if (rounds <= 0 || !took || mapped[0] == MAP_FAILED || mapped[1] == MAP_FAILED) {
        fprintf(stderr, "usage: pages FILE ROUNDS\n");
        return 1;
    }
    memset((char *)mapped[1], 1, size);
    for (int page = 0; page < PAGES; page++)
        (void)mapped[0][page * PAGE];
    for (int round = 0; round < rounds; round++) {
        sleep(SLEEP_SECONDS);
        for (int page = 0; page < PAGES; page++)
            for (int kind = 0; kind < 2; kind++) {
                double begun = now();
                (void)mapped[kind][page * PAGE + page * LINE];
                took[touches++] = now() - begun;
            }
    }
    double sum = 0;
    for (size_t touch = 0; touch < touches; touch++)
        sum += took[touch];
    qsort(took, touches, sizeof *took, compare);
    printf("%.0f %.0f\n", took[touches / 2], sum / touches);
    return 0;
}

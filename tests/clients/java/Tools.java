import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main classes of Kafka's own tools one after another in one JVM, because starting a JVM
 * costs more than most tools do.
 *
 * <p>A call on standard input: int argument count, then each argument (int length, UTF-8 bytes; the
 * first is the main class), then int length and bytes of the tool's standard input. The answer on
 * standard output: int exit code, then int length and bytes of the tool's standard output, then the
 * same of its standard error. End of input ends the program.
 */
public final class Tools {
    private Tools() {
    }

    public static void main(String[] args) throws Exception {
        DataInputStream calls = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream answers = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            List<String> words = new ArrayList<>();
            byte[] input;
            try {
                int count = calls.readInt();
                for (int i = 0; i < count; i++) {
                    words.add(new String(readBytes(calls), "UTF-8"));
                }
                input = readBytes(calls);
            } catch (EOFException end) {
                System.exit(0);
                return;
            }
            answer(answers, words, input);
        }
    }

    private static void answer(DataOutputStream answers, List<String> words, byte[] input)
            throws IOException, InterruptedException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(input));
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(err, true));
        int code = call(words);
        System.out.flush();
        System.err.flush();
        // A tool's threads may print on: what counts is what was there by now.
        byte[] outBytes = out.toByteArray();
        byte[] errBytes = err.toByteArray();
        answers.writeInt(code);
        answers.writeInt(outBytes.length);
        answers.write(outBytes);
        answers.writeInt(errBytes.length);
        answers.write(errBytes);
        answers.flush();
    }

    /** Runs the main class as a JVM of its own would: to its end or its exit, then its shutdown hooks. */
    private static int call(List<String> words) throws InterruptedException {
        AtomicInteger code = new AtomicInteger();
        CountDownLatch ended = new CountDownLatch(1);
        List<Runnable> hooks = new CopyOnWriteArrayList<>();
        Exit.Procedure exit = (status, message) -> {
            code.set(status);
            if (message != null) {
                System.err.println(message);
            }
            ended.countDown();
            // Nothing may run after an exit, not even the tool's catch blocks.
            while (true) {
                LockSupport.park();
            }
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        String[] args = words.subList(1, words.size()).toArray(new String[0]);
        Thread tool = new Thread(() -> {
            try {
                Class.forName(words.get(0)).getMethod("main", String[].class).invoke(null, (Object) args);
            } catch (InvocationTargetException thrown) {
                thrown.getCause().printStackTrace();
                code.set(1);
            } catch (ReflectiveOperationException thrown) {
                thrown.printStackTrace();
                code.set(127);
            }
            ended.countDown();
        }, words.get(0));
        tool.setDaemon(true);
        tool.start();
        ended.await();
        for (Runnable hook : hooks) {
            hook.run();
        }
        return code.get();
    }

    private static byte[] readBytes(DataInputStream calls) throws IOException {
        byte[] bytes = new byte[calls.readInt()];
        calls.readFully(bytes);
        return bytes;
    }
}

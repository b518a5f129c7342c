import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;

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
    private static final class Exited extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final int code;

        Exited(int code, String message) {
            super(message, null, false, false);
            this.code = code;
        }
    }

    private Tools() {
    }

    public static void main(String[] args) throws Exception {
        DataInputStream calls = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream answers = new DataOutputStream(new BufferedOutputStream(System.out));
        Exit.setExitProcedure((code, message) -> {
            throw new Exited(code, message);
        });
        Exit.setHaltProcedure((code, message) -> {
            throw new Exited(code, message);
        });
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
                return;
            }
            answer(answers, words, input);
        }
    }

    private static void answer(DataOutputStream answers, List<String> words, byte[] input)
            throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream realOut = System.out;
        PrintStream realErr = System.err;
        InputStream realIn = System.in;
        List<Runnable> hooks = new ArrayList<>();
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        int code;
        System.setIn(new ByteArrayInputStream(input));
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(err, true));
        try {
            code = call(words);
            System.out.flush();
            System.err.flush();
        } finally {
            System.setIn(realIn);
            System.setOut(realOut);
            System.setErr(realErr);
        }
        answers.writeInt(code);
        answers.writeInt(out.size());
        out.writeTo(answers);
        answers.writeInt(err.size());
        err.writeTo(answers);
        answers.flush();
    }

    private static int call(List<String> words) {
        String[] args = words.subList(1, words.size()).toArray(new String[0]);
        try {
            Class.forName(words.get(0)).getMethod("main", String[].class).invoke(null, (Object) args);
            return 0;
        } catch (InvocationTargetException thrown) {
            Throwable cause = thrown.getCause();
            while (cause != null && !(cause instanceof Exited)) {
                cause = cause.getCause();
            }
            if (cause != null) {
                String message = cause.getMessage();
                if (message != null) {
                    System.err.println(message);
                }
                return ((Exited) cause).code;
            }
            thrown.getCause().printStackTrace();
            return 1;
        } catch (ReflectiveOperationException thrown) {
            thrown.printStackTrace();
            return 127;
        }
    }

    private static byte[] readBytes(DataInputStream calls) throws IOException {
        byte[] bytes = new byte[calls.readInt()];
        calls.readFully(bytes);
        return bytes;
    }
}
